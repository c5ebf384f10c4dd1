"""An implementation's own single steps convict its time loop."""

import numpy as np
import pytest

import refseq
from refseq.checks import OwnImplementation
from refseq.checks.budget import THRESHOLD, sigma
from refseq.checks.compare import in_sigmas
from refseq.checks.problem import draw
from refseq.checks.tensors import gradient_tensors
from refseq.gradients import single_step_gradients
from tests.gradients.problems import BOTH_WAYS, FLOATING, ROWS, STEPS, drawn


class Detached(OwnImplementation):
    """Its steps are right; over a sequence the cotangent of the state is lost between the second step and the third."""

    def vjp(self, params, x, state, lengths, dy, dstate):
        if len(x) < 3:
            return super().vjp(params, x, state, lengths, dy, dstate)
        early, late = np.minimum(lengths, 2), np.maximum(lengths - 2, 0)
        _, middle = self.forward(params, x[:2], state, early)
        after = super().vjp(params, x[2:], middle, late, dy[2:], dstate)
        before = super().vjp(params, x[:2], state, early, dy[:2], {name: 0 * value for name, value in dstate.items()})
        params = {name: value + after[0][name] for name, value in before[0].items()}
        return params, np.concatenate([before[1], after[1]]), before[2]


def sigmas(implementation, layer) -> float:
    """The largest difference between the gradient and that of single steps, in standard deviations of two runs."""
    problem, case = draw(layer, "float64", STEPS, ROWS), drawn(layer)
    whole = gradient_tensors(*implementation.vjp(*case.given[1:], *case.asked))
    steps = gradient_tensors(*single_step_gradients(implementation, layer, *case.given[1:], *case.asked))
    spread = sigma(problem)
    sizes = [in_sigmas(np.abs(whole[name] - steps[name]), np.sqrt(2) * spread[name]) for name in whole]
    return max(float(np.max(size, initial=0.0)) for size in sizes)


@pytest.mark.parametrize("layer", FLOATING, ids=str)
def test_a_right_time_loop(layer):
    assert sigmas(OwnImplementation(layer), layer) <= THRESHOLD


@pytest.mark.parametrize("layer", FLOATING, ids=str)
def test_a_wrong_time_loop(layer):
    assert sigmas(Detached(layer), layer) > 1e9


def test_in_both_directions_it_is_refused():
    layer = BOTH_WAYS[0]
    case = drawn(layer)
    with pytest.raises(ValueError, match="bidirectional=False"):
        single_step_gradients(OwnImplementation(layer), layer, *case.given[1:], *case.asked)


def test_the_arrays_are_those_of_vjp():
    layer = refseq.layer("lstm", 2, 3)
    case = drawn(layer, "float32")
    params, x, state = single_step_gradients(OwnImplementation(layer), layer, *case.given[1:], *case.asked)
    assert {name: value.shape for name, value in params.items()} == layer.shapes
    assert x.shape == case.x.shape
    assert {value.dtype for value in (*params.values(), x, *state.values())} == {np.dtype("float32")}
