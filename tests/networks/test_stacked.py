"""A stack is the composition of its layers, forward and backward, bit for bit."""

import numpy as np
import pytest

import refseq
from refseq.targets import Weights
from tests.examples import LAYERS, everything, example
from tests.variants import KINDS, label, layer


def test_the_parts_of_a_stack():
    stack = refseq.layer("lstm", 5, 3, layers=2, bidirectional=True)
    found = [(p.layer, p.direction, p.row, p.inputs, p.suffix, p.reverse) for p in stack.parts]
    assert found == [
        (0, 0, 0, 5, "", False),
        (0, 1, 1, 5, "_reverse", True),
        (1, 0, 2, 6, "_l1", False),
        (1, 1, 3, 6, "_l1_reverse", True),
    ]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_unpack_undoes_pack(layer):
    params = example(layer).params
    for part in layer.parts:
        mine = part.unpack(part.pack(params))
        assert mine.keys() == part.shapes().keys()
        assert all(np.array_equal(value, params[name]) for name, value in mine.items())


@pytest.mark.parametrize("merge", ["sum", "mean"])
def test_directions_that_are_added_are_one_input_of_the_next_layer(merge):
    stack = refseq.layer("lstm", 5, 3, layers=2, bidirectional=True, merge=merge)
    assert [part.inputs for part in stack.parts] == [5, 5, 3, 3]
    assert stack.outputs == 3


@pytest.mark.parametrize("variant", KINDS, ids=label)
def test_unpack_is_the_adjoint_of_pack(variant):
    """<u, pack v> = <unpack u, v>: a shared parameter fans out, its gradient is the sum."""
    rng = np.random.default_rng(2)
    for part in layer(variant, layers=2, bidirectional=True, bias=False).parts:
        params = {name: rng.integers(-8, 9, shape).astype(float) for name, shape in part.shapes().items()}
        still = {name: np.zeros(shape) for name, shape in part.shapes().items()}
        packed, constants = part.pack(params), part.pack(still)
        arrays = [(packed.p - constants.p), *packed.matrices]
        cotangents = [rng.integers(-8, 9, array.shape).astype(float) for array in arrays]
        pulled = part.unpack(Weights(tuple(cotangents[1:]), packed.biases, cotangents[0]))
        left = sum(np.sum(u * v) for u, v in zip(cotangents, arrays, strict=True))
        assert left == sum(np.sum(pulled[name] * params[name]) for name in params)


def test_without_bias_no_bias_is_left():
    stack = refseq.layer("gru", 3, 4, bias=False, reset="after")
    assert list(stack.shapes) == ["W_hx", "W_hh"]
    assert list(refseq.layer("lstm_peephole", 3, 4, bias=False).shapes) == ["W_hx", "W_hh", "w_ci", "w_cf", "w_co"]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("name", "options"), [("lstm", {}), ("gru", {"reset": "after"})])
def test_two_layers_are_one_after_the_other(name, options, bidirectional):
    settings = options | {"bidirectional": bidirectional}
    stack = refseq.layer(name, 3, 4, layers=2, **settings)
    problem = example(stack)
    directions = stack.directions
    first, second = refseq.layer(name, 3, 4, **settings), refseq.layer(name, 4 * directions, 4, **settings)
    upper = {key.replace("_l1", ""): value for key, value in problem.params.items() if "_l1" in key}
    lower = {key: value for key, value in problem.params.items() if "_l1" not in key}
    states = [{key: v[:directions] for key, v in problem.state.items()}]
    states += [{key: v[directions:] for key, v in problem.state.items()}]
    below = first.forward(lower, problem.x, states[0], problem.lengths)
    above = second.forward(upper, below.y, states[1], problem.lengths)
    back = second.backward(above, problem.dy, {key: v[directions:] for key, v in problem.dstate.items()})
    front = first.backward(below, back.x, {key: v[:directions] for key, v in problem.dstate.items()})
    whole = everything(problem)
    assert np.array_equal(whole["y"], above.y)
    assert np.array_equal(whole["dx"], front.x)
    for key in stack.cell.state:
        assert np.array_equal(whole[f"state[{key}]"], np.concatenate([below.state[key], above.state[key]]))
        assert np.array_equal(whole[f"dstate[{key}]"], np.concatenate([front.state[key], back.state[key]]))
    for key in lower:
        assert np.array_equal(whole["d" + key], front.params[key])
    for key in problem.params:
        if "_l1" in key:
            assert np.array_equal(whole["d" + key], back.params[key.replace("_l1", "")])
