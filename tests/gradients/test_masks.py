"""Masks of zoneout and dropout pass through every algorithm; the exact tests of each have such a layer among theirs."""

import numpy as np
import pytest

import refseq
from refseq.checks import OwnImplementation
from refseq.dynamics import delta_norms, gradient_norms, lyapunov_exponents, state_jacobians
from refseq.gradients import (
    double_sum_gradients,
    hessian_product,
    jvp,
    linear_loss,
    rtrl_gradients,
    single_step_gradients,
    truncated_gradients,
)
from tests.gradients.problems import ROWS, STEPS, drawn, exact, parts, same

LAYER = refseq.layer("gru", 2, 3, dropout=True, zoneout=True)


def everything(case, masks) -> list:
    """What each algorithm makes of a problem."""
    given, asked, target = case.given, case.asked, {"masks": masks, "target": "reference"}
    return [
        parts(double_sum_gradients(*given, *asked, **target)),
        parts(truncated_gradients(*given, *asked, k1=2, k2=3, **target)),
        rtrl_gradients(*given, *asked, **target),
        jvp(*given, *case.along, masks=masks, method="dual numbers"),
        parts(hessian_product(*given, linear_loss(*asked), *case.along, masks=masks, method="dual numbers")),
        (state_jacobians(*given, **target).matrices,),
    ]


def test_a_mask_that_is_given_once_holds_at_all_times():
    case = exact(LAYER)
    once = {name: mask[:, :1] for name, mask in case.masks.items()}
    whole = {name: np.repeat(mask, STEPS, axis=1) for name, mask in once.items()}
    other = everything(case, case.masks)
    for a, b, c in zip(everything(case, once), everything(case, whole), other, strict=True):
        assert same(a, b)
        assert not same(b, c)


def test_zoneout_of_everything_keeps_the_state():
    """z = 1: every Jacobian is the identity, exponents are 0, and every norm is that of the final cotangent."""
    case = drawn(LAYER, padded=False)
    masks = case.masks | {"zoneout_h": np.ones_like(case.masks["zoneout_h"])}
    jacobians = state_jacobians(*case.given, masks=masks)
    assert np.array_equal(jacobians.matrices, np.broadcast_to(np.eye(3), jacobians.matrices.shape))
    assert not lyapunov_exponents(*case.given, masks=masks).exponents.any()
    norms = gradient_norms(*case.given, None, case.dstate, masks=masks)["h"]
    expected = np.linalg.norm(case.dstate["h"][0], axis=-1)
    np.testing.assert_allclose(norms, np.broadcast_to(expected, (STEPS + 1, ROWS)), rtol=8 * np.finfo(float).eps)
    table = delta_norms(*case.given, None, case.dstate, masks=masks)
    np.testing.assert_allclose(table[-1], norms[1:], rtol=8 * np.finfo(float).eps)


def test_exponents_in_pieces(monkeypatch):
    case = drawn(LAYER, padded=False)
    whole = lyapunov_exponents(*case.given, masks=case.masks)
    monkeypatch.setattr(refseq.dynamics.lyapunov, "CHUNK", 1)
    assert same(lyapunov_exponents(*case.given, masks=case.masks).exponents, whole.exponents)


def test_single_steps_of_an_implementation():
    case = exact(LAYER)
    found = single_step_gradients(OwnImplementation(LAYER, "reference"), *case.given, *case.asked, masks=case.masks)
    assert same(found, parts(case.bptt()))


def test_what_is_refused():
    case = drawn(LAYER)
    with pytest.raises(ValueError, match=r"masks: expected the keys \['dropout_h', 'zoneout_h'\]: missing"):
        state_jacobians(*case.given)
    short = {name: mask[:, :3] for name, mask in case.masks.items()}
    with pytest.raises(
        ValueError, match=r"masks\['dropout_h'\]: expected shape \(L\*D, T = 4 or 1, B, H\), got \(1, 3"
    ):
        rtrl_gradients(*case.given, masks=short)
    narrow = {name: mask[:, :, :2] for name, mask in case.masks.items()}
    with pytest.raises(ValueError, match=r"masks\['dropout_h'\]: expected shape"):
        jvp(*case.given, masks=narrow)
    with pytest.raises(TypeError, match="masks: expected a dict of arrays, got list"):
        truncated_gradients(*case.given, k1=1, k2=1, masks=[1])
