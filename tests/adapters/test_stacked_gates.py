import numpy as np
import pytest

import refseq
from refseq.adapters.stacked_gates import Stacked, stack, stack_transpose, unstack
from tests.adapters.problems import problem

LAYERS = [
    refseq.layer("elman", 4, 3),
    refseq.layer("lstm", 4, 3, layers=2, bidirectional=True),
    refseq.layer("gru", 4, 3, reset="before"),
    refseq.layer("gru", 4, 3, reset="after", bidirectional=True),
    refseq.layer("gru", 4, 3, reset="after", bias=False),
    refseq.layer("lstm", 4, 3, projection=2, bidirectional=True),
    refseq.layer("lstm", 4, 3, projection=2, bias=False),
    refseq.layer("lstm_coupled", 4, 3),
]
layers = pytest.mark.parametrize("layer", LAYERS, ids=str)


def order(layer):
    return layer.cell.gates[1:] + layer.cell.gates[:1]  # a cycle, so that it is not its own inverse


@layers
def test_unstack_undoes_stack_exactly(layer):
    params = problem(layer, "float32").params
    for part in layer.parts:
        back = unstack(layer, part, stack(layer, part, params, order(layer)), order(layer))
        assert back
        assert all(np.array_equal(back[name], params[name]) for name in back)


@layers
def test_stack_transpose_is_the_adjoint_of_stack(layer):
    params, rng = problem(layer).params, np.random.default_rng(1)
    for part in layer.parts:
        stacked = stack(layer, part, params, order(layer)).arrays()
        d = {name: rng.standard_normal(value.shape) for name, value in stacked.items()}
        pulled = stack_transpose(layer, part, Stacked(**d), order(layer))
        left = sum(np.vdot(stacked[name], d[name]) for name in stacked)
        assert left == pytest.approx(sum(np.vdot(params[name], pulled[name]) for name in pulled), rel=1e-13)


@layers
def test_all_parameters_are_covered_once(layer):
    params = problem(layer).params
    parts = [unstack(layer, part, stack(layer, part, params, order(layer)), order(layer)) for part in layer.parts]
    names = [name for part in parts for name in part]
    assert sorted(names) == sorted(layer.shapes)


def test_the_two_biases_differ_and_sum_to_the_bias_exactly():
    layer = refseq.layer("lstm", 4, 3)
    params = problem(layer, "float32").params
    stacked = stack(layer, layer.parts[0], params, layer.cell.gates)
    assert np.array_equal(stacked.b_ih + stacked.b_hh, params["b_h"].ravel())
    assert (stacked.b_ih != stacked.b_hh).all()
