"""The explicit double sum equals BPTT: exactly over the finite field, and within its own noise in floats."""

import numpy as np
import pytest

import refseq
from refseq.checks.budget import THRESHOLD
from refseq.checks.problem import draw
from refseq.checks.tensors import gradient_tensors
from refseq.gradients import double_sum_gradients
from refseq.gradients.double_sum import state_cotangents
from refseq.gradients.steps import Steps
from tests.gradients.problems import (
    BOTH_WAYS,
    FLOATING,
    ONE_WAY,
    ROWS,
    STACKED,
    STEPS,
    dot,
    drawn,
    exact,
    exact_bptt,
    noise,
    parts,
    same,
    worst,
)


@pytest.mark.parametrize("layer", ONE_WAY, ids=str)
def test_it_is_bptt_exactly(layer):
    case = exact(layer)
    assert same(parts(double_sum_gradients(*case.given, *case.asked, **case.extra)), parts(exact_bptt(layer)))


@pytest.mark.parametrize("layer", FLOATING, ids=str)
def test_it_is_true_within_its_own_rounding_noise(layer):
    problem = draw(layer, "float64", STEPS, ROWS)

    def tensors(case):
        grads = double_sum_gradients(*case.given, *case.asked, **case.extra)
        return gradient_tensors(*parts(grads))

    assert worst(tensors(drawn(layer)), noise(tensors, problem), problem) <= THRESHOLD


@pytest.mark.parametrize("layer", STACKED, ids=str)
def test_pairs_add_up(layer):
    """One pair of loss and use after the other gives the whole."""
    case = exact(layer)
    total = None
    for t in range(STEPS):
        for k in range(t + 1):
            counted = np.zeros((STEPS, STEPS), bool)
            counted[t, k] = True
            one = double_sum_gradients(*case.given, case.dy, None, **case.extra, counted=counted)
            total = one.x if total is None else total + one.x
    assert same(total, double_sum_gradients(*case.given, case.dy, None, **case.extra).x)


def test_a_cotangent_is_the_derivative_of_one_loss():
    """lambda_{t,k} is the initial-state gradient of the loss at time t in the sequence cut before step k+1."""
    case = exact(refseq.layer("gru", 2, 3))
    layer = case.layer
    steps = Steps(*case.given, "reference", None, "test")
    table = state_cotangents(steps, *steps.cotangents(*case.asked))
    for t in range(STEPS):
        for k in range(t):
            before = steps.vector.split(steps.s[k + 1])
            run = layer.forward(case.params, case.x[k + 1 :], before, np.maximum(case.lengths - k - 1, 0), "reference")
            dy = case.dy[k + 1 :] * (np.arange(k + 1, STEPS) == t)[:, None, None].astype(object)
            last = (case.lengths == t + 1).astype(int).astype(object)[None, :, None]
            dstate = {name: value * last for name, value in case.dstate.items()}
            rows = case.lengths > t
            expected = steps.vector.join(layer.backward(run, dy, dstate).state)
            assert same(table[t, k][rows], expected[rows])


def test_what_is_refused():
    case = drawn(refseq.layer("elman", 2, 3))
    with pytest.raises(ValueError, match="bidirectional=False"):
        double_sum_gradients(*drawn(BOTH_WAYS[0]).given)
    with pytest.raises(ValueError, match=r"counted: expected shape \(4, 4\) or \(4, 4, 4\), got \(3, 4\)"):
        double_sum_gradients(*case.given, counted=np.ones((3, 4), bool))
    with pytest.raises(TypeError, match="counted: expected an array of booleans, got int64"):
        double_sum_gradients(*case.given, counted=np.ones((4, 4), np.int64))
    with pytest.raises(ValueError, match="dy: expected shape"):
        double_sum_gradients(*case.given, case.dy[1:])
    with pytest.raises(TypeError, match="x: expected dtype float64"):
        double_sum_gradients(case.layer, case.params, case.x.astype("float32"))


def test_no_steps_and_no_rows():
    layer = refseq.layer("lstm", 2, 3)
    case = drawn(layer)
    grads = double_sum_gradients(layer, case.params, case.x[:0], case.state, None, case.dy[:0], case.dstate)
    assert same(grads.state, case.dstate)
    assert dot(grads.params, grads.params) == 0
    assert double_sum_gradients(layer, case.params, case.x[:, :0]).x.shape == (STEPS, 0, 2)
