"""State Jacobians: exact against forward mode, against closed forms, and their products."""

import numpy as np
import pytest

import refseq
from refseq.dynamics import state_jacobians, transition_norms
from refseq.gradients import jvp
from refseq.gradients.steps import StateVector
from tests.gradients.problems import BOTH_WAYS, ONE_WAY, ROWS, STACKED, STEPS, drawn, exact, same

EPS = np.finfo(float).eps


@pytest.mark.parametrize("layer", ONE_WAY, ids=str)
def test_their_product_is_the_derivative_of_the_final_state_exactly(layer):
    """J_T ... J_1 v = the tangent of s_T along v, by forward mode over the finite field; rows that have ended hold."""
    case = exact(layer)
    jacobians = state_jacobians(*case.given, "reference", **case.extra)
    _, final = jvp(*case.given, None, None, case.along[2], **case.extra, method="dual numbers")
    vector = StateVector.of(final)
    start = vector.join(case.along[2])
    assert same((jacobians.between(0, STEPS) @ start[:, :, None])[..., 0], vector.join(final))
    for b, length in enumerate(case.lengths):
        assert all(np.all(matrix[b] == np.eye(vector.size).astype(int)) for matrix in jacobians.matrices[length:])


def test_elman():
    """diag(1 - h_t^2) W_hh. One product of numbers of a few eps: 4 roundings."""
    case = drawn(refseq.layer("elman", 2, 3), padded=False)
    run = case.layer.forward(*case.given[1:])
    found = state_jacobians(*case.given)
    expected = (1 - run.y**2)[..., None] * case.params["W_hh"][0]
    # 1 - h^2 has an absolute error of eps
    assert np.all(np.abs(found.matrices - expected) <= 4 * EPS * np.abs(case.params["W_hh"][0]))
    assert same(found.block("h", "h"), found.matrices)


def test_the_direct_path_of_the_lstm_is_the_forget_gate():
    """d c_t / d c_{t-1} = diag(f_t) (L0.9), and the full Jacobian also goes through h."""
    case = drawn(refseq.layer("lstm", 2, 3), padded=False)
    W, U, bias = (case.params[name][1] for name in ("W_hx", "W_hh", "b_h"))
    run = case.layer.forward(*case.given[1:])
    h = np.concatenate([case.state["h"], run.y[:-1]])
    f = 1 / (1 + np.exp(-(case.x @ W.T + h @ U.T + bias)))
    found = state_jacobians(*case.given)
    block = found.block("c", "c")
    assert np.count_nonzero(block) == f.size  # off the diagonal there is nothing
    # f is as wrong as its pre-activation, a sum of 6 products below 8 in size, times a slope of 1/4 at most
    assert np.all(np.abs(np.diagonal(block, axis1=2, axis2=3) - f) <= 16 * EPS)
    assert np.abs(found.block("c", "h")).max() > 0.1
    assert found.matrices.shape == (STEPS, ROWS, 6, 6)


@pytest.mark.parametrize("layer", STACKED, ids=str)
def test_a_lower_layer_knows_nothing_of_a_higher_one(layer):
    jacobians = state_jacobians(*exact(layer).given, "reference")
    for of in jacobians.vector.shapes:
        for by in jacobians.vector.shapes:
            low, high = jacobians.vector.entries(of, 0), jacobians.vector.entries(by, 1)
            assert all(number == 0 for number in jacobians.matrices[:, :, low, high].flat)


def test_products_and_their_norms():
    case = drawn(refseq.layer("gru", 2, 3, reset="after", layers=2), padded=False)
    jacobians = state_jacobians(*case.given)
    norms = transition_norms(jacobians)
    assert norms.shape == (STEPS + 1, STEPS + 1, ROWS)
    for t in range(STEPS + 1):
        for k in range(STEPS + 1):
            if k > t:
                assert not norms[t, k].any()
                continue
            for b in range(ROWS):
                product = np.eye(6)
                for tau in range(k, t):
                    product = jacobians.matrices[tau, b] @ product
                assert np.array_equal(jacobians.between(k, t)[b], product)
                # the same products in the same order; LAPACK's singular values are good to a few n eps
                assert norms[t, k, b] == pytest.approx(np.linalg.norm(product, 2), rel=8 * 6 * EPS)


def test_the_closed_form_of_the_linear_network():
    """L1.14: y_1000 = w^999 for an impulse at step 1, and its gradient 999 w^998. 999 products, each rounded."""
    layer, steps = refseq.layer("elman", 1, 1, activation="identity", bias=False), 1000
    x, dy = np.zeros((steps, 1, 1)), np.zeros((steps, 1, 1))
    x[0] = dy[-1] = 1
    close = {"rel": 4 * steps * EPS, "abs": np.finfo(float).tiny}
    for w, size in {1.0: 1, 1.01: 20751.6, 0.99: 4.36e-5, 0.01: 0.0}.items():
        params = {"W_hx": np.ones((1, 1, 1)), "W_hh": np.full((1, 1, 1), w)}
        run = layer.forward(params, x)
        assert run.y[-1, 0, 0] == pytest.approx(w**999, **close)
        assert w**999 == pytest.approx(size, rel=1e-2)
        assert layer.backward(run, dy).params["W_hh"][0, 0, 0] == pytest.approx(999 * w**998, **close)
        jacobians = state_jacobians(layer, params, x)
        assert jacobians.between(1, steps)[0, 0, 0] == pytest.approx(w**999, **close)
        short = state_jacobians(layer, params, x[:50])
        distance = np.arange(51)[:, None] - np.arange(51)
        expected = np.where(distance >= 0, w ** np.maximum(distance, 0).astype(float), 0)
        np.testing.assert_allclose(transition_norms(short)[..., 0], expected, rtol=4 * 50 * EPS)


def test_orthogonal_and_identity_recurrences_keep_every_length():
    layer = refseq.layer("elman", 2, 3, activation="identity")
    case = drawn(layer, padded=False)
    for matrix in (layer.initialise(scheme="orthogonal")["W_hh"], np.eye(3)[None]):
        norms = transition_norms(state_jacobians(layer, case.params | {"W_hh": matrix}, case.x))
        lower = np.tril(np.ones((STEPS + 1, STEPS + 1)))[..., None]
        np.testing.assert_allclose(norms, lower * np.ones(ROWS), rtol=8 * 3 * STEPS * EPS)


def test_in_pieces(monkeypatch):
    case = drawn(refseq.layer("lstm", 2, 3, layers=2))
    whole = state_jacobians(*case.given)
    monkeypatch.setattr(refseq.gradients.steps, "CHUNK", 7)
    assert same(state_jacobians(*case.given).matrices, whole.matrices)


def test_what_is_refused():
    case = drawn(refseq.layer("lstm", 2, 3))
    with pytest.raises(ValueError, match="a state Jacobian runs forward in time only; expected bidirectional=False"):
        state_jacobians(*drawn(BOTH_WAYS[0]).given)
    jacobians = state_jacobians(*case.given)
    with pytest.raises(ValueError, match="state: expected one of h, c; got 'v'"):
        jacobians.block("h", "v")
    with pytest.raises(ValueError, match="expected 0 <= first <= last <= T = 4, got 3 and 5"):
        jacobians.between(3, 5)
    with pytest.raises(ValueError, match="first: expected at least 0, got -1"):
        jacobians.between(-1, 2)


def test_no_steps_and_single_precision():
    case = drawn(refseq.layer("lstm", 2, 3), "float32")
    jacobians = state_jacobians(*case.given)
    assert jacobians.matrices.dtype == transition_norms(jacobians).dtype == np.float32
    none = state_jacobians(case.layer, case.params, case.x[:0], case.state)
    assert none.matrices.shape == (0, ROWS, 6, 6)
    assert np.array_equal(none.between(0, 0), np.repeat(np.eye(6, dtype="float32")[None], ROWS, axis=0))
    assert np.array_equal(transition_norms(none), np.ones((1, 1, ROWS)))
