"""Gated graph networks: against a textbook and autograd, rigorous values, and what must hold of any graph."""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse

import refseq
from refseq.arrays import lift
from refseq.checks.budget import THRESHOLD
from refseq.checks.structures import of_graph
from refseq.fields.residue import MODULUS, Residue
from refseq.networks import graph
from tests.conftest import framework
from tests.networks.structures import deviations, transposed

EPS = np.finfo(np.float64).eps
NODES = 6
LAYER = refseq.graph_layer(3, 4, 2, edge_types=2, both_ways=True, reset="after")
PLAIN = refseq.graph_layer(2, 4, 3, reset="after")
VARIANTS = [
    LAYER,
    PLAIN,
    refseq.graph_layer(2, 3, 2, edge_types=2),
    refseq.graph_layer(3, 3, 1, bias=False),
    refseq.graph_layer(2, 3, 3, cell="lstm", both_ways=True),
    refseq.graph_layer(2, 3, 2, cell="elman", activation="relu"),
    refseq.graph_layer(2, 3, 2, cell="leaky", learn="unit"),
]


def adjacency(rng, nodes, density=0.4):
    """A random graph with weights, self loops, and isolated nodes: the last one has no edge."""
    dense = rng.normal(size=(nodes, nodes)) * (rng.random((nodes, nodes)) < density)
    dense[-1], dense[:, -1] = 0, 0
    if nodes > 1:
        dense[0, 0] = 0.5
    return sparse.csr_array(dense)


def problem(layer, seed=0, nodes=NODES, dtype="float64"):
    """Graphs, values by name with the edges' weights, and the cotangent of y."""
    rng = np.random.default_rng(seed)
    graphs = [adjacency(rng, nodes) for _ in range(layer.edge_types)]
    given = {name: 0.7 * rng.normal(size=shape) for name, shape in layer.shapes.items()}
    given |= {"x": rng.normal(size=(nodes, layer.inputs))}
    given |= {f"weights[{r}]": matrix.data.copy() for r, matrix in enumerate(graphs)}
    return graphs, {name: value.astype(dtype) for name, value in given.items()}, rng.normal(size=(nodes, layer.units))


def results(layer, graphs, given, dy, target="cpu"):
    function = of_graph(layer, graphs)
    return function.everything(given, {}, {"y": dy}, target)


@pytest.mark.parametrize("layer", VARIANTS, ids=str)
def test_backward_is_the_transpose_over_a_finite_field(layer):
    graphs, given, _ = problem(layer)
    assert transposed(of_graph(layer, graphs), given) == []


def test_a_transposition_forgotten_is_seen(monkeypatch):
    """The adjoint of messages that goes along the edges instead of against them."""
    right = graph.messages_backward
    monkeypatch.setattr(graph, "messages_backward", lambda along, *rest: right(along.reversed, *rest))
    graphs, given, _ = problem(PLAIN)
    assert "x" in transposed(of_graph(PLAIN, graphs), given)


@pytest.mark.parametrize("layer", [LAYER, PLAIN], ids=str)
def test_values_and_gradients_are_within_rounding_of_the_true_ones(layer):
    graphs, given, dy = problem(layer)
    worst = deviations(of_graph(layer, graphs), given, {"y": dy})
    assert [name for name, sigma in worst.items() if not sigma <= THRESHOLD] == [], worst


def textbook(m, layer, graphs, w, nodes):
    """Li et al. (2016), equations 1 to 6, node by node; the GRU with reset after the product. ``m``: numpy or torch."""
    sigmoid = lambda z: 1 / (1 + m.exp(-z))  # noqa: E731
    zero = w["x"][0] * 0
    pad = m.stack([zero[0]] * (layer.units - layer.inputs)) if layer.units > layer.inputs else zero[:0]
    h = [m.concatenate([w["x"][v], pad]) for v in range(nodes)]
    for _ in range(layer.steps):
        received = [h[v] * 0 for v in range(nodes)]
        for r, matrix in enumerate(graphs):
            entries = sparse.coo_array(sparse.csr_array(matrix))
            for e, (u, v) in enumerate(zip(*entries.coords, strict=True)):
                weight = w[f"weights[{r}]"][e]
                received[v] = received[v] + weight * (w["W_mh"][r] @ h[u] + w["b_m"][r])
                if layer.both_ways:
                    back = r + layer.edge_types
                    received[u] = received[u] + weight * (w["W_mh"][back] @ h[v] + w["b_m"][back])
        before, h = h, []
        for a, old in zip(received, before, strict=True):
            reset, z, n = (w["W_hx"][k] @ a + w["b_h"][k] for k in range(3))
            reset, z = sigmoid(reset + w["W_hh"][0] @ old), sigmoid(z + w["W_hh"][1] @ old)
            h.append(z * old + (1 - z) * m.tanh(n + reset * (w["W_hh"][2] @ old + w["b_hn"])))
    return m.stack(h)


@pytest.mark.parametrize("layer", [LAYER, PLAIN], ids=str)
def test_a_textbook_computes_the_same(layer):
    graphs, given, dy = problem(layer)
    ours = results(layer, graphs, given, dy)["y"]
    np.testing.assert_allclose(ours, textbook(np, layer, graphs, given, NODES), rtol=0, atol=200 * EPS)


@pytest.mark.parametrize("layer", [LAYER, PLAIN], ids=str)
def test_autograd_of_the_textbook_gives_the_same_gradients(layer):
    torch = framework("torch")
    graphs, given, dy = problem(layer)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in given.items()}
    (textbook(torch, layer, graphs, tensors, NODES) * torch.tensor(dy)).sum().backward()
    ours = results(layer, graphs, given, dy)
    for name, tensor in tensors.items():
        np.testing.assert_allclose(ours[f"d{name}"], tensor.grad.numpy(), rtol=0, atol=2e4 * EPS, err_msg=name)


def test_central_differences_through_the_compiled_loop():
    """Error h^2 |f'''|/6 + eps |f| / h with h = 2^-17: 1e-9 for numbers of size 10."""
    graphs, given, dy = problem(PLAIN)
    ours, function, rng = results(PLAIN, graphs, given, dy), of_graph(PLAIN, graphs), np.random.default_rng(3)
    towards = {name: rng.normal(size=value.shape) for name, value in given.items()}

    def loss(h):
        moved = {name: value + h * towards[name] for name, value in given.items()}
        return np.sum(function.forward(moved, {}, "cpu")[0]["y"] * dy)

    slope = sum(np.sum(ours[f"d{name}"] * towards[name]) for name in given)
    assert abs((loss(2.0**-17) - loss(-(2.0**-17))) * 2.0**16 - slope) <= 1e-7 * abs(slope)


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


def test_edges_given_twice_are_summed():
    rows, columns, weights = [0, 0, 1, 0], [1, 1, 2, 1], [0.5, 0.25, 1.0, 2.0]
    _, given, dy = problem(PLAIN)
    params, x = {name: given[name] for name in PLAIN.shapes}, given["x"][:3]
    twice = PLAIN.forward(params, x, sparse.coo_array((weights, (rows, columns)), shape=(3, 3)))
    once = PLAIN.forward(params, x, sparse.coo_array(([2.75, 1.0], ([0, 1], [1, 2])), shape=(3, 3)))
    assert np.array_equal(twice.y, once.y)
    assert PLAIN.backward(twice, dy[:3]).weights[0].shape == (2,)


def test_any_format_and_integers_are_the_same_graph():
    graphs, given, _ = problem(PLAIN)
    params, dense = {name: given[name] for name in PLAIN.shapes}, (graphs[0].toarray() != 0).astype(float)
    y = PLAIN.forward(params, given["x"], sparse.csr_array(dense)).y
    for form in (sparse.csc_array, sparse.coo_matrix, sparse.dok_array, sparse.lil_matrix):
        for kind in (float, int, bool):
            assert np.array_equal(PLAIN.forward(params, given["x"], form(dense.astype(kind))).y, y)


def test_an_empty_graph():
    run = PLAIN.forward(PLAIN.initialise(), np.zeros((0, 2)), sparse.csr_array((0, 0)))
    grads = PLAIN.backward(run, np.zeros((0, 4)))
    assert run.y.shape == (0, 4)
    assert grads.x.shape == (0, 2)
    assert not any(value.any() for value in grads.params.values())


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


def call(layer=PLAIN, dy=None, **changes):
    graphs, given, _ = problem(PLAIN)
    arguments = {"params": {n: given[n] for n in PLAIN.shapes}, "x": given["x"], "adjacency": graphs} | changes
    run = layer.forward(**arguments)
    return layer.backward(run, np.ones((NODES, 4)) if dy is None else dy)


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


def test_the_example_is_good():
    assert call(dy=np.ones((NODES, 4))).x.shape == (NODES, 2)


@pytest.mark.parametrize(("bad", "error", "words"), BAD, ids=[" ".join([e.__name__, *w]) for _, e, w in BAD])
def test_bad_input_raises_an_error_that_names_it(bad, error, words):
    with pytest.raises(error) as caught:
        bad()
    assert type(caught.value) is error
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
