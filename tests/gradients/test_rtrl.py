"""Real-time recurrent learning equals BPTT: exactly over the finite field, and within its own noise in floats."""

import numpy as np
import pytest

import refseq
from refseq.checks.budget import THRESHOLD
from refseq.checks.problem import draw
from refseq.checks.tensors import gradient_tensors
from refseq.gradients import Rtrl, jvp, rtrl_gradients
from refseq.gradients.steps import StateVector
from tests.gradients.problems import (
    BOTH_WAYS,
    FLOATING,
    ONE_WAY,
    ROWS,
    STEPS,
    drawn,
    exact,
    exact_bptt,
    noise,
    same,
    worst,
)


@pytest.mark.parametrize("layer", ONE_WAY, ids=str)
def test_it_is_bptt_exactly(layer):
    case, grads = exact(layer), exact_bptt(layer)
    found = rtrl_gradients(*case.given, *case.asked, **case.extra, target="reference")
    assert same(found, (grads.params, grads.state))


@pytest.mark.parametrize("layer", FLOATING, ids=str)
def test_it_is_true_within_its_own_rounding_noise(layer):
    problem = draw(layer, "float64", STEPS, ROWS)

    def tensors(case):
        params, state = rtrl_gradients(*case.given, *case.asked, **case.extra, target="reference")
        found = gradient_tensors(params, case.x, state)
        return {name: value for name, value in found.items() if name != "dx"}

    assert worst(tensors(drawn(layer)), noise(tensors, problem), problem) <= THRESHOLD


def test_the_gradient_after_every_step_is_that_of_the_loss_so_far():
    """Online: nothing but the present output has a cotangent, and the past is not looked at again."""
    case = exact(refseq.layer("gru", 2, 3))
    layer = case.layer
    learner = Rtrl(layer, case.params, ROWS, case.state, "reference")
    for t in range(STEPS):
        y = learner.step(case.params, case.x[t], (t < case.lengths).astype(int))
        run = layer.forward(case.params, case.x[: t + 1], case.state, np.minimum(case.lengths, t + 1), "reference")
        assert same(y, run.y[t])
        assert same(learner.state, run.state)
        dy = case.dy[: t + 1] * (np.arange(t + 1) == t)[:, None, None].astype(object)
        expected = layer.backward(run, dy, case.dstate)
        assert same(learner.gradients(case.dy[t], case.dstate), (expected.params, expected.state))


def test_the_influence_is_the_derivative_of_the_state():
    """S v = J v, by forward mode along v."""
    case = exact(refseq.layer("lstm", 2, 3, layers=2))
    learner = Rtrl(case.layer, case.params, ROWS, case.state, "reference")
    for t in range(STEPS):
        learner.step(case.params, case.x[t], (t < case.lengths).astype(int))
    _, final = jvp(*case.given, case.along[0], **case.extra, method="dual numbers")
    moved = sum(
        (
            learner.influence[name].reshape(ROWS, -1, value.size) @ value.reshape(-1)
            for name, value in case.along[0].items()
        ),
        0,
    )
    assert same(moved, StateVector.of(final).join(final))


def test_memory_does_not_grow_with_time():
    def held(learner):
        arrays = [learner._influence, learner._before, learner._run.y, *learner._run.state.values()]
        return sum(array.nbytes for array in arrays), len(vars(learner))

    case = drawn(FLOATING[2])
    learner, sizes = Rtrl(case.layer, case.params, ROWS, case.state), set()
    for t in range(12):
        learner.step(case.params, case.x[t % STEPS])
        sizes.add(held(learner))
    assert len(sizes) == 1


def test_what_is_given_is_neither_changed_nor_aliased():
    case, before = drawn(refseq.layer("lstm", 2, 3)), drawn(refseq.layer("lstm", 2, 3))
    learner = Rtrl(case.layer, case.params, ROWS, case.state)
    learner.step(case.params, case.x[0])
    learner.state["h"][:] = np.nan
    learner.influence["W_hx"][:] = np.nan
    params, _ = learner.gradients(case.dy[0])
    assert np.isfinite(params["W_hx"]).all()
    assert same((case.params, case.x, case.state), (before.params, before.x, before.state))


def test_what_is_refused():
    case = drawn(refseq.layer("elman", 2, 3))
    with pytest.raises(ValueError, match="real-time recurrent learning runs forward in time only"):
        Rtrl(BOTH_WAYS[0], drawn(BOTH_WAYS[0]).params, 2)
    learner = Rtrl(case.layer, case.params, ROWS)
    with pytest.raises(ValueError, match=r"x: expected shape \(4, 2\), got \(3, 2\)"):
        learner.step(case.params, case.x[0, :3])
    with pytest.raises(ValueError, match=r"lengths\[0\]: expected 0 <= length <= T = 1, got 2"):
        learner.step(case.params, case.x[0], np.full(ROWS, 2))
    with pytest.raises(TypeError, match="params"):
        Rtrl(case.layer, [], 2)
    learner.step(case.params, case.x[0])
    with pytest.raises(ValueError, match=r"dy: expected shape \(4, 3\), got \(4, 4, 3\)"):
        learner.gradients(case.dy)
