"""Recursive networks compute what a textbook writes, and have the gradients of its autograd."""

import numpy as np
import pytest

import refseq
from refseq.arrays import lift
from refseq.trees import from_brackets
from tests.conftest import framework
from tests.networks import tree_textbook
from tests.networks.structures import EPS, LAYERS, SHAPES, problem, results


@pytest.mark.parametrize("given", [False, True], ids=["computed leaves", "given leaves"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_textbook_computes_the_same(layer, given):
    """A handful of roundings apart: depth times additions of a pre-activation."""
    forest = SHAPES["random"]
    arrays, _ = problem(layer, forest, given=given)
    states = tree_textbook.run(np, layer, forest, arrays)
    state = {name: arrays[f"state[{name}]"] for name in layer.cell.state} if given else None
    run = layer.forward({name: arrays[name] for name in layer.shapes}, arrays["x"], forest, state)
    for i, name in enumerate(layer.cell.state):
        ours = np.stack([states[node][i] for node in range(forest.nodes)])
        np.testing.assert_allclose(run.state[name], ours, rtol=0, atol=100 * EPS)
    assert np.array_equal(run.y, run.state["h"])


@pytest.mark.parametrize("given", [False, True], ids=["computed leaves", "given leaves"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_autograd_of_the_textbook_gives_the_same_gradients(layer, given):
    torch = framework("torch")
    forest = SHAPES["random"]
    arrays, weights = problem(layer, forest, given=given)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in arrays.items()}
    states = tree_textbook.run(torch, layer, forest, tensors)
    loss = 0
    for i, name in enumerate(layer.cell.state):
        cotangent = torch.tensor(weights[f"state[{name}]"] + (weights["y"] if i == 0 else 0))
        loss = loss + (torch.stack([states[node][i] for node in range(forest.nodes)]) * cotangent).sum()
    loss.backward()
    ours = results(layer, forest, arrays, weights, "cpu")
    for name, tensor in tensors.items():
        np.testing.assert_allclose(ours[f"d{name}"], tensor.grad.numpy(), rtol=0, atol=1e3 * EPS, err_msg=name)


def test_the_form_of_the_lectures():
    """p = tanh(W [c1; c2] + b): two vectors in, one of the same length out."""
    layer = refseq.tree_layer("recursive", 0, 3)
    params = {name: np.random.default_rng(0).normal(size=shape) for name, shape in layer.shapes.items()}
    words = np.random.default_rng(1).normal(size=(3, 3))
    forest, numbers = from_brackets("((a b) c)", labelled=False), {k: lift(v, float) for k, v in params.items()}
    y = layer.forward(numbers, None, forest, {"h": lift(words, float)}, "reference").y.astype(float)
    w = np.concatenate([params["W_hh_left"][0], params["W_hh_right"][0]], axis=1)
    inner = np.tanh(w @ np.concatenate([words[0], words[1]]) + params["b_h"][0])
    root = np.tanh(w @ np.concatenate([inner, words[2]]) + params["b_h"][0])
    np.testing.assert_allclose(y[:2], [root, inner], rtol=0, atol=20 * EPS)
    assert np.array_equal(y[2:], words)
