"""What holds of messages on any graph: who hears of whom, and that numbers of nodes mean nothing."""

import numpy as np
import pytest
from scipy import sparse

import refseq
from refseq.arrays import lift
from refseq.engine import setup, threads
from refseq.engine.target import forget
from refseq.fields.residue import MODULUS, Residue
from tests.networks.graphs import LAYER, NODES, PLAIN, problem, results


def relabelled(graphs, number):
    return [sparse.csr_array(matrix.toarray()[np.ix_(number, number)]) for matrix in graphs]


def test_numbers_of_nodes_do_not_matter_exactly():
    """Sums over neighbours are reordered, which is exact over a finite field."""
    rng = np.random.default_rng(4)
    layer, number = refseq.graph_layer(2, 3, 2, edge_types=2, both_ways=True), rng.permutation(NODES)
    graphs, given, _ = problem(layer)
    graphs = [sparse.csr_array((matrix.toarray() != 0).astype(int)) for matrix in graphs]

    def residues(shape):
        return lift(rng.integers(0, MODULUS, shape), Residue)

    params, x = {name: residues(shape) for name, shape in layer.shapes.items()}, residues((NODES, 2))
    dy = residues((NODES, 3))
    run = layer.forward(params, x, graphs, target="reference")
    moved = layer.forward(params, x[number], relabelled(graphs, number), target="reference")
    assert np.array_equal(moved.y, run.y[number])
    ours, theirs = layer.backward(run, dy), layer.backward(moved, dy[number])
    assert np.array_equal(theirs.x, ours.x[number])
    assert all(np.array_equal(ours.params[name], value) for name, value in theirs.params.items())


def test_a_block_diagonal_batch_is_its_graphs_bit_for_bit():
    first, second = problem(LAYER, 1), problem(LAYER, 2, nodes=4)
    params = {name: first[1][name] for name in LAYER.shapes}
    together = [sparse.block_diag([a, b], format="csr") for a, b in zip(first[0], second[0], strict=True)]
    x, dy = np.concatenate([first[1]["x"], second[1]["x"]]), np.concatenate([first[2], second[2]])
    run = LAYER.forward(params, x, together)
    grads = LAYER.backward(run, dy)
    start = 0
    for graphs, given, cotangent in (first, second):
        rows = slice(start, start + len(cotangent))
        start += len(cotangent)
        alone = LAYER.forward(params, given["x"], graphs)
        assert np.array_equal(run.y[rows], alone.y)
        assert np.array_equal(grads.x[rows], LAYER.backward(alone, cotangent).x)


@pytest.mark.parametrize("layer", [LAYER, PLAIN], ids=str)
def test_threads_do_not_change_a_bit(layer, monkeypatch):
    graphs, given, dy = problem(layer)
    once = results(layer, graphs, given, dy, "cpu")
    monkeypatch.setattr(threads, "count", lambda: 3)
    monkeypatch.setattr(setup, "WORTH_A_THREAD", 1)
    forget()
    again = results(layer, graphs, given, dy, "cpu")
    forget()
    assert [name for name, value in once.items() if not np.array_equal(value, again[name])] == []


def test_nan_in_one_graph_never_reaches_another():
    graphs, given, dy = problem(PLAIN)
    together = sparse.block_diag([graphs[0], graphs[0]], format="csr")
    params = {name: given[name] for name in PLAIN.shapes}
    run = PLAIN.forward(params, np.concatenate([given["x"], np.full_like(given["x"], np.nan)]), together)
    grads = PLAIN.backward(run, np.concatenate([dy, dy]))
    alone = PLAIN.forward(params, given["x"], graphs)
    assert np.array_equal(run.y[:NODES], alone.y)
    assert np.array_equal(grads.x[:NODES], PLAIN.backward(alone, dy).x)


def test_news_travel_one_edge_a_step():
    """On a directed path of 7 nodes, y of node v depends on x of the ``steps`` nodes before it and on its own."""
    path = sparse.csr_array(np.eye(7, k=1, dtype=int))
    for both_ways in (False, True):
        layer = refseq.graph_layer(2, 4, 2, reset="after", both_ways=both_ways)
        _, given, _ = problem(layer)
        x = np.random.default_rng(1).normal(size=(7, 2))
        run = layer.forward({name: given[name] for name in layer.shapes}, x, path)
        for v in range(7):
            dy = np.zeros((7, 4))
            dy[v] = 1
            reached = np.flatnonzero(layer.backward(run, dy).x.any(axis=1)).tolist()
            assert reached == list(range(max(v - 2, 0), min(v + 2, 6) + 1 if both_ways else v + 1))


def test_isolated_nodes_run_the_cell_on_nothing():
    """Without edges every node is a sequence of zeros of its own."""
    _, given, dy = problem(PLAIN)
    params = {name: given[name] for name in PLAIN.shapes}
    run = PLAIN.forward(params, given["x"], sparse.csr_array((NODES, NODES)))
    layer = refseq.layer("gru", 4, 4, reset="after")
    start = np.concatenate([given["x"], np.zeros((NODES, 2))], axis=1)[None]
    alone = layer.forward({name: params[name] for name in layer.shapes}, np.zeros((3, NODES, 4)), {"h": start})
    assert np.array_equal(run.y, alone.state["h"][0])
    grads = PLAIN.backward(run, dy)
    assert not grads.params["W_mh"].any()
    assert np.array_equal(grads.x, layer.backward(alone, None, {"h": dy[None]}).state["h"][0, :, :2])


def test_a_self_loop_is_an_edge():
    _, given, _ = problem(PLAIN)
    params, x = {name: given[name] for name in PLAIN.shapes}, given["x"][:1]
    one = PLAIN.forward(params, x, sparse.csr_array([[1]])).y
    assert not np.array_equal(one, PLAIN.forward(params, x, sparse.csr_array([[0]])).y)
