"""What mutants were not noticed by any test before the gate: now they are, also without it."""

import numpy as np
import pytest
from scipy import sparse

import refseq
from refseq import operations
from refseq.arrays import lift
from refseq.checks.structures import of_tree
from refseq.mutation import networks, oracles, probes
from refseq.networks.edges import add_messages, edges, messages_backward
from refseq.trees import from_children
from tests.cells.textbook import sigmoid, softmax
from tests.networks.structures import transposed


@pytest.mark.parametrize("learn", ["layer", "unit"])
@pytest.mark.parametrize("mu", [0.125, 0.9])
def test_a_learned_mu_begins_where_it_is_told(learn, mu):
    """At the default, 1/2, mu and 1 - mu are the same."""
    drawn = refseq.layer("leaky", 2, 3, learn=learn, mu=mu).initialise()["mu_logit"]
    np.testing.assert_allclose(sigmoid(drawn), mu, rtol=8 * np.finfo(float).eps)


def test_a_tree_lstm_of_four_children_by_its_equations():
    """Up to three, s[2:4] and s[-2:] of the children after the first are the same."""
    layer, rng = refseq.tree_layer("tree_lstm", 2, 3, arity=4), np.random.default_rng(5)
    forest = from_children([[], [], [], [], [2, 0, 3, 1]])
    w = {name: rng.normal(size=shape) for name, shape in layer.shapes.items()} | {"x": rng.normal(size=(5, 2))}
    numbers = {name: lift(value, float) for name, value in w.items()}
    results = of_tree(layer, forest).forward(numbers, {}, "reference")[0]
    states = {name: results[f"state[{name}]"].astype(float) for name in ("h", "c")}
    h, c = (states[name][[2, 0, 3, 1]] for name in ("h", "c"))
    x = w["W_hx"] @ w["x"][4] + w["b_h"]
    products = sum(w[f"W_hh_child{place + 1}"] @ h[place] for place in range(4))
    i, o, g = sigmoid(x[0] + products[0]), sigmoid(x[3] + products[6]), np.tanh(x[2] + products[5])
    memory = i * g + sum(sigmoid(x[1] + products[1 + place]) * c[place] for place in range(4))
    np.testing.assert_allclose(states["c"][4], memory, rtol=1e-13)
    np.testing.assert_allclose(states["h"][4], o * np.tanh(memory), rtol=1e-13)
    assert transposed(of_tree(layer, forest), w) == []


def test_layer_normalisation_keeps_its_digits_beside_a_large_mean():
    """sum (a - mean) a is the same sum of squares, and loses all digits. Here every sum and mean is exact."""
    for shift in (0.0, 2.0**40):
        out, kept = np.zeros(3), np.zeros(3)
        operations.normalise(np.array([1.0, 2.0, 3.0]) + shift, out, kept, 1e-5, 3, 0, 1)
        assert out.tobytes() == (np.array([-1.0, 0.0, 1.0]) / np.sqrt(2 / 3 + 1e-5)).tobytes()


def test_the_last_node_of_a_graph_sends_and_receives():
    """In the other tests it is the one without an edge."""
    rng = np.random.default_rng(6)
    dense, values = rng.integers(-4, 5, (4, 4)) + 0.5, rng.integers(-8, 9, (4, 3)) / 4
    along = edges("adjacency", sparse.csr_array(dense), 4, lambda data: lift(data, float))
    received, dweights = lift(np.zeros((4, 3)), float), lift(np.zeros(16), float)
    add_messages(received, along, lift(values, float), "reference")
    assert np.array_equal(received.astype(float), dense.T @ values)
    back = messages_backward(along, lift(values, float), lift(values[::-1], float), dweights, "reference")
    assert np.array_equal(back.astype(float), dense @ values[::-1])
    assert np.array_equal(dweights.astype(float).reshape(4, 4), values @ values[::-1].T)


def by_the_book(w, x, h, c, g):
    """The equations of ``refseq.mutation.probes``."""
    v, q = softmax(w["W_ux"][0] @ x + w["W_uh"][0] @ h + w["b_u"][1]), softmax(w["W_ux"][1] @ x + w["b_u"][0])
    z = w["W_cv"][0] @ v + q + w["b_c"][0]
    c1 = g * c + probes.CONSTANTS["k"] * np.tanh(z)
    n = w["W_nc"][0] @ c1 + c1 + h
    centred = n - n.mean()
    m = centred / np.sqrt((centred**2).mean() + probes.CONSTANTS["epsilon"])
    return softmax(c1 * m + q * z * c), c1


def test_a_cell_of_everything_is_what_it_says():
    """What no cell of the catalogue puts together: the scan, on floats, against its equations."""
    network = networks.in_time(probes.recurrent(networks.INPUTS, networks.UNITS))
    values = network.values
    numbers = {name: lift(value, float) for name, value in values.items()}
    results = network.function.forward(numbers, {}, "reference")[0]
    for b, length in enumerate(networks.LENGTHS):
        h, c = values["state[h]"][0, b], values["state[c]"][0, b]
        for t in range(length):
            h, c = by_the_book(values, values["x"][t, b], h, c, values["g"])
            np.testing.assert_allclose(results["y"][t, b].astype(float), h, rtol=1e-10)
        np.testing.assert_allclose(results["state[c]"][0, b].astype(float), c, rtol=1e-10)


@pytest.mark.parametrize("name", ["probe", "probe on trees", "probe on edges"])
def test_a_cell_of_everything_passes_every_question(name):
    network = networks.GENERAL[name]()
    recorded = oracles.record(network)
    for question, asked in oracles.OF_NETWORKS.items():
        assert asked(network, recorded) == [], question
