"""On a chain, where every node has one child, a recursive network is a recurrent one."""

import numpy as np
import pytest

import refseq
from refseq.arrays import lift
from refseq.trees import chain
from tests.networks.structures import EPS, same

UNARY = [("recursive", "elman", {"arity": 1}), ("tree_lstm", "lstm", {"arity": 1})]


def as_chain(name, params):
    """The parameters of a recurrent layer for the tree layer of this name."""
    if name != "child_sum_tree_lstm":
        return params
    node = {key: params[key][[0, 2, 3]] for key in ("W_hx", "W_hh", "b_h")}
    return node | {"W_fx": params["W_hx"][[1]], "W_fh": params["W_hh"][[1]], "b_f": params["b_h"][[1]]}


def chain_and_sequence(name, recurrent, options, number):
    """What both compute of the same numbers, by name."""
    steps = 5
    layer, tree_layer = refseq.layer(recurrent, 3, 4), refseq.tree_layer(name, 3, 4, **options)
    rng = np.random.default_rng(3)

    def draw(*shape):
        return number(rng.normal(size=shape))

    params = {key: draw(*shape) for key, shape in layer.shapes.items()}
    x, dy = draw(steps + 1, 3), draw(steps + 1, 4)
    state, dstate = {key: draw(1, 4) for key in layer.cell.state}, {key: draw(1, 4) for key in layer.cell.state}
    zero = number(np.zeros((steps, 4)))
    run = tree_layer.forward(as_chain(name, params), x, chain(steps + 1), state, "reference")
    below = {key: np.concatenate([zero, value]) for key, value in dstate.items()}
    grads = tree_layer.backward(run, np.concatenate([zero[:1], dy[1:]]), below)
    before = {key: value[None] for key, value in state.items()}
    other = layer.forward(params, x[1:, None], before, target="reference")
    theirs = layer.backward(other, dy[1:, None], {key: value[None] for key, value in dstate.items()})
    ours = {"y": run.y[1:], "x": grads.x[1:]} | {f"end {key}": value[-1] for key, value in run.state.items()}
    expected = {"y": other.y[:, 0], "x": theirs.x[:, 0]}
    expected |= {f"end {key}": value[0, 0] for key, value in other.state.items()}
    ours |= {f"state {key}": value[0] for key, value in grads.state.items()} | grads.params
    expected |= {f"state {key}": value[0, 0] for key, value in theirs.state.items()} | as_chain(name, theirs.params)
    return ours, expected


@pytest.mark.parametrize(("name", "recurrent", "options"), UNARY)
def test_a_chain_is_the_recurrent_layer_bit_for_bit(name, recurrent, options):
    """The same source on Python floats: the same operations in the same order."""
    ours, theirs = chain_and_sequence(name, recurrent, options, lambda array: lift(array, float))
    assert same(ours, theirs) == []


def test_a_compiled_chain_is_the_compiled_recurrent_layer_bit_for_bit():
    ours, theirs = chain_and_sequence(*UNARY[0], lambda array: array)
    assert same(ours, theirs) == []


def test_a_child_sum_chain_is_the_lstm():
    """Forward bit for bit; h's cotangent is summed in another order, so gradients are some roundings apart: T = 5 steps
    of 16 products each, of numbers below 10."""
    ours, theirs = chain_and_sequence("child_sum_tree_lstm", "lstm", {}, lambda array: lift(array, float))
    assert [name for name in same(ours, theirs) if name in ("y", "end h", "end c")] == []
    for name, value in ours.items():
        assert np.max(np.abs(value - theirs[name])) <= 5 * 16 * 10 * EPS, name


def test_one_child_makes_the_lstm_of_the_catalogue():
    shapes = refseq.tree_layer("tree_lstm", 3, 4, arity=1).shapes
    assert shapes == refseq.layer("lstm", 3, 4).shapes
    assert refseq.tree_layer("recursive", 3, 4, arity=1).shapes == refseq.layer("elman", 3, 4).shapes
