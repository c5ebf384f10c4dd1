"""A stack is the composition of its layers, forward and backward, bit for bit."""

import numpy as np
import pytest

import refseq
from refseq.networks.stacked import pack, parts, unpack
from tests.examples import LAYERS, everything, example


def test_the_parts_of_a_stack():
    found = [(p.layer, p.direction, p.row, p.inputs, p.suffix, p.reverse) for p in parts(5, 3, 2, 2)]
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
        mine = unpack(layer.cell, part, pack(layer.cell, part, params, layer.bias), layer.bias)
        assert all(np.array_equal(value, params[name]) for name, value in mine.items())


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
