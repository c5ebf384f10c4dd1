"""Norms of gradients by time, against BPTT of sequences that are cut, and against the lecture's formula."""

import numpy as np
import pytest

import refseq
from refseq.dynamics import delta_norms, gradient_norms
from tests.gradients.problems import BOTH_WAYS, FLOATING, ROWS, STEPS, drawn

CLOSE = 64 * np.finfo(float).eps
"""The same operations, but for the order of sums over at most 12 terms that do not cancel to less than a tenth."""


@pytest.mark.parametrize("layer", FLOATING, ids=str)
def test_a_gradient_norm_is_that_of_the_rest_of_the_sequence(layer):
    """The rest from step t on, started from s_t, has s_t for its initial state."""
    case = drawn(layer)
    found = gradient_norms(*case.given, *case.asked, output=None)
    for t in range(STEPS + 1):
        state = layer.forward(case.params, case.x[:t], case.state, np.minimum(case.lengths, t)).state
        run = layer.forward(case.params, case.x[t:], state, np.maximum(case.lengths - t, 0))
        grads = layer.backward(run, case.dy[t:], case.dstate)
        for name, value in grads.state.items():
            expected = np.linalg.norm(value.transpose(1, 0, 2).reshape(ROWS, -1), axis=1)
            np.testing.assert_allclose(found[name][t], expected, rtol=CLOSE)


def test_the_output_is_a_state():
    """With y_t = h_t the loss at step t counts in dL/dh_t (L4.2), and in no other state; beyond the length nothing."""
    case = drawn(refseq.layer("lstm", 2, 3))
    without, found = (gradient_norms(*case.given, case.dy, None, output=output) for output in (None, "h"))
    assert np.array_equal(found["c"], without["c"])
    assert np.array_equal(found["h"][0], without["h"][0])
    for b, length in enumerate(case.lengths):
        assert not found["h"][length + 1 :, b].any()
        if length:
            assert found["h"][length, b] == pytest.approx(np.linalg.norm(case.dy[length - 1, b]), rel=CLOSE)
            assert without["h"][length, b] == 0


def test_deltas_of_an_elman_network():
    """lambda_{t,k} = U^T D_{k+1} ... U^T D_t dy_t (L4.1)."""
    case = drawn(refseq.layer("elman", 2, 3), padded=False)
    y, U = case.layer.forward(*case.given[1:]).y, case.params["W_hh"][0]
    found = delta_norms(*case.given, case.dy)
    assert found.shape == (STEPS, STEPS, ROWS)
    for b in range(ROWS):
        for t in range(STEPS):
            cotangent = case.dy[t, b]
            for k in range(t, -1, -1):
                assert found[t, k, b] == pytest.approx(np.linalg.norm(cotangent), rel=CLOSE)
                cotangent = U.T @ ((1 - y[k, b] ** 2) * cotangent)
            assert not found[t, t + 1 :, b].any()


@pytest.mark.parametrize("layer", FLOATING, ids=str)
def test_one_loss_alone(layer):
    """Row t of the table is the gradient's norm by time when only the loss at step t counts."""
    case = drawn(layer)
    for t in range(STEPS):
        dy = np.zeros_like(case.dy)
        dy[t] = case.dy[t]
        dstate = {name: value * (case.lengths == t + 1)[:, None] for name, value in case.dstate.items()}
        norms = gradient_norms(*case.given, dy, dstate)
        alive = case.lengths > t  # what holds its state has its final cotangent from then on
        for name in norms:
            table = delta_norms(*case.given, *case.asked, of=name)
            np.testing.assert_allclose(table[t, : t + 1, alive].T, norms[name][1 : t + 2, alive], rtol=CLOSE)
        assert not delta_norms(*case.given, *case.asked)[t][:, ~alive].any()


def test_what_is_refused():
    case = drawn(refseq.layer("lstm", 2, 3))
    with pytest.raises(ValueError, match=r"output: expected the state that .* puts out, or None; 'c' is not y"):
        gradient_norms(*case.given, case.dy, output="c")
    with pytest.raises(ValueError, match="state: expected one of h, c; got 'v'"):
        delta_norms(*case.given, case.dy, of="v")
    with pytest.raises(ValueError, match="bidirectional=False"):
        gradient_norms(*drawn(BOTH_WAYS[0]).given)
    with pytest.raises(ValueError, match="dy: expected shape"):
        delta_norms(*case.given, case.dy[:, 1:])
