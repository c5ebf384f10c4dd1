"""Gated graph networks: against a textbook and autograd, over a finite field, and against rigorous values."""

import numpy as np
import pytest

import refseq
from refseq.checks.budget import THRESHOLD
from refseq.checks.structures import of_graph
from refseq.networks import graph
from tests.conftest import framework
from tests.networks import graph_textbook
from tests.networks.graphs import LAYER, NODES, PLAIN, problem, results
from tests.networks.structures import deviations, transposed

EPS = np.finfo(np.float64).eps
VARIANTS = [
    LAYER,
    PLAIN,
    refseq.graph_layer(2, 3, 2, edge_types=2),
    refseq.graph_layer(3, 3, 1, bias=False),
    refseq.graph_layer(2, 3, 3, cell="lstm", both_ways=True),
    refseq.graph_layer(2, 3, 2, cell="elman", activation="relu"),
    refseq.graph_layer(2, 3, 2, cell="leaky", learn="unit"),
]


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


@pytest.mark.parametrize("layer", [LAYER, PLAIN], ids=str)
def test_a_textbook_computes_the_same(layer):
    graphs, given, dy = problem(layer)
    ours = results(layer, graphs, given, dy)["y"]
    np.testing.assert_allclose(ours, graph_textbook.run(np, layer, graphs, given, NODES), rtol=0, atol=200 * EPS)


@pytest.mark.parametrize("layer", [LAYER, PLAIN], ids=str)
def test_autograd_of_the_textbook_gives_the_same_gradients(layer):
    torch = framework("torch")
    graphs, given, dy = problem(layer)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in given.items()}
    (graph_textbook.run(torch, layer, graphs, tensors, NODES) * torch.tensor(dy)).sum().backward()
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
