"""The public graph layer: values, purity, bad input."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import refseq
from tests.networks.graphs import LAYER, NODES, PLAIN, problem

EDGES = problem(PLAIN)[0][0].nnz
BAD = [
    (lambda: refseq.graph_layer(0, 4, 1), ValueError, ["inputs", "at least 1"]),
    (lambda: refseq.graph_layer(5, 4, 1), ValueError, ["units", "at least 5", "4"]),
    (lambda: refseq.graph_layer(2, 4, 0), ValueError, ["steps", "at least 1"]),
    (lambda: refseq.graph_layer(2, 4, 1, edge_types=0), ValueError, ["edge_types", "at least 1"]),
    (lambda: refseq.graph_layer(2, 4, 1, both_ways=1), TypeError, ["both_ways", "True or False"]),
    (lambda: refseq.graph_layer(2, 4, 1, cell="tree_lstm"), ValueError, ["cell", "'tree_lstm'"]),
    (lambda: refseq.graph_layer(2, 4, 1, reset="never"), ValueError, ["reset", "'never'"]),
    (lambda: refseq.graph_layer(2, 4, 1, dropout=True), ValueError, ["cell", "masks"]),
    (lambda: refseq.graph_layer(2, 4, 1, cell="lstm", projection=2), ValueError, ["cell", "sizes"]),
    (lambda: replace(PLAIN, inputs=5), ValueError, ["units", "at least 5", "4"]),
    (lambda: replace(PLAIN, steps=0), ValueError, ["steps", "at least 1"]),
    (lambda: replace(PLAIN, both_ways=1), TypeError, ["both_ways", "True or False"]),
    (lambda: PLAIN.initialise(scheme="xavier"), ValueError, ["scheme", "'xavier'"]),
    (lambda: call(params={}), ValueError, ["params", "missing", "W_mh"]),
    (lambda: call(x=np.ones((NODES, 3))), ValueError, ["x", "(N, 2)", "(6, 3)"]),
    (lambda: call(x=np.ones((NODES, 2), "f4")), TypeError, ["x", "float64", "float32"]),
    (lambda: call(adjacency=np.eye(NODES)), TypeError, ["adjacency[0]", "scipy.sparse", "ndarray"]),
    (lambda: call(adjacency=[np.eye(NODES)]), TypeError, ["adjacency[0]", "scipy.sparse", "ndarray"]),
    (lambda: call(adjacency=None), TypeError, ["adjacency[0]", "scipy.sparse", "NoneType"]),
    (lambda: call(adjacency=[sparse.eye_array(5)]), ValueError, ["adjacency[0]", "(6, 6)", "(5, 5)"]),
    (lambda: call(adjacency=[sparse.eye_array(NODES)] * 2), ValueError, ["adjacency", "1 edge types", "2"]),
    (lambda: call(adjacency=sparse.eye_array(NODES, dtype="f4")), TypeError, ["adjacency[0]", "float64", "float32"]),
    (lambda: call(adjacency=sparse.eye_array(NODES, dtype=complex)), TypeError, ["adjacency[0]", "complex128"]),
    (lambda: call(weights=[np.ones(EDGES + 1)]), ValueError, ["weights[0]", f"({EDGES})", f"({EDGES + 1},)"]),
    (lambda: call(weights=[np.ones(EDGES, "f4")]), TypeError, ["weights[0]", "float32"]),
    (lambda: call(weights=np.ones(EDGES)), TypeError, ["weights", "list", "ndarray"]),
    (lambda: call(weights=[]), ValueError, ["weights", "1 edge types", "0"]),
    (lambda: call(dy=np.ones((NODES, 3))), ValueError, ["dy", "(6, 4)", "(6, 3)"]),
    (lambda: call(target="gpu"), ValueError, ["target", "'gpu'"]),
    (lambda: PLAIN.backward(None, np.ones(1)), TypeError, ["run", "graph of gru", "NoneType"]),
]


def call(layer=PLAIN, dy=None, **changes):
    graphs, given, _ = problem(PLAIN)
    arguments = {"params": {n: given[n] for n in PLAIN.shapes}, "x": given["x"], "adjacency": graphs} | changes
    run = layer.forward(**arguments)
    return layer.backward(run, np.ones((NODES, 4)) if dy is None else dy)


def test_layers_are_values_and_results_the_callers():
    assert pickle.loads(pickle.dumps(LAYER)) == copy.deepcopy(LAYER) == LAYER
    assert LAYER.shapes["W_mh"] == (4, 4, 4)
    assert str(LAYER) == "graph of gru(reset=after) 3->4 x2 2 edge types both ways"
    assert set(refseq.graph_layer(2, 3, 1, cell="leaky", learn="unit").initialise()["mu_logit"]) == {0.0}
    graphs, given, dy = problem(PLAIN)
    params, before = {name: given[name] for name in PLAIN.shapes}, copy.deepcopy(given)
    run = PLAIN.forward(params, given["x"], graphs)
    first = PLAIN.backward(run, dy)
    run.y[:] = 0
    assert np.array_equal(first.x, PLAIN.backward(run, dy).x)
    assert all(np.array_equal(before[name], value) for name, value in given.items())


def test_the_example_is_good():
    assert call(dy=np.ones((NODES, 4))).x.shape == (NODES, 2)


@pytest.mark.parametrize(("bad", "error", "words"), BAD, ids=[" ".join([e.__name__, *w]) for _, e, w in BAD])
def test_bad_input_raises_an_error_that_names_it(bad, error, words):
    with pytest.raises(error) as caught:
        bad()
    assert type(caught.value) is error
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
