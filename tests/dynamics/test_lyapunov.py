"""Lyapunov exponents that are known in closed form, of maps and of networks."""

import math

import numpy as np
import pytest

import refseq
from refseq.dynamics import exponents_of, lyapunov_exponents
from refseq.dynamics.lyapunov import BATCHES
from tests.gradients.problems import BOTH_WAYS, ROWS, drawn

EPS = np.finfo(float).eps


def linear(W_hh: np.ndarray):
    size = len(W_hh)
    layer = refseq.layer("elman", 1, size, activation="identity", bias=False)
    return layer, {"W_hx": np.ones((1, size, 1)), "W_hh": W_hh[None]}


def test_a_diagonal_recurrence():
    """log |lambda_i|, in the order of the directions; sums of T equal terms."""
    values, steps = np.array([1.5, -0.9, 0.25]), 200
    layer, params = linear(np.diag(values))
    found = lyapunov_exponents(layer, params, np.zeros((steps, 2, 1)))
    np.testing.assert_allclose(found.exponents, np.tile(np.log(np.abs(values)), (2, 1)), rtol=steps * EPS)
    assert np.all(found.error <= steps * EPS)


def test_a_symmetric_recurrence_finds_its_directions():
    """Eigenvalues 2, 1/2, 1/8 in turned axes: after T steps the directions are right to (1/4)^T, and the mean over the
    steps after the transient differs by rounding only."""
    Q = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    layer, params = linear(Q @ np.diag([2.0, 0.5, 0.125]) @ Q.T)
    found = lyapunov_exponents(layer, params, np.zeros((100, 1, 1)), transient=30)
    np.testing.assert_allclose(found.exponents[0], np.log([2.0, 0.5, 0.125]), rtol=100 * 16 * EPS)
    first = lyapunov_exponents(layer, params, np.zeros((100, 1, 1)), transient=30, count=1)
    np.testing.assert_allclose(first.exponents, found.exponents[:, :1], rtol=100 * EPS)


def test_orthogonal_recurrences_neither_grow_nor_decay():
    layer, params = linear(np.linalg.qr(np.random.default_rng(4).normal(size=(4, 4)))[0])
    assert np.all(np.abs(lyapunov_exponents(layer, params, np.zeros((50, 1, 1))).exponents) <= 16 * EPS)


def test_the_sum_of_all_is_the_mean_logarithm_of_the_determinant():
    """For any network: |det J_t| = |det R_t|."""
    case = drawn(refseq.layer("gru", 2, 3, reset="after"), padded=False)
    found = lyapunov_exponents(*case.given)
    matrices = refseq.dynamics.state_jacobians(*case.given).matrices
    _, logarithms = np.linalg.slogdet(matrices)
    np.testing.assert_allclose(found.exponents.sum(axis=1), logarithms.mean(axis=0), rtol=1e3 * EPS)


def test_a_tent_map_inside_a_relu_network():
    """x' = mu (x - 2 relu(x - 1/2)), slope +-mu everywhere: exponent log mu. Two units, relu(x) and relu(x - 1/2), hold
    it; their Jacobian has rank one, and the other exponent is -inf. Tangents of x differ from those of the units by
    factors between 1/(mu sqrt 5) and sqrt 2, which T steps divide by T."""
    mu, steps = 1.9, 3000
    layer = refseq.layer("elman", 1, 2, activation="relu")
    params = {"W_hx": np.zeros((1, 2, 1)), "W_hh": np.array([[[mu, -2 * mu]] * 2]).reshape(1, 2, 2)}
    params["b_h"] = np.array([[0.0, -0.5]])
    found = lyapunov_exponents(layer, params, np.zeros((steps, 1, 1)), {"h": np.array([[[0.3, 0.0]]])})
    y = layer.forward(params, np.zeros((steps, 1, 1)), {"h": np.array([[[0.3, 0.0]]])}).y
    assert np.unique(y[:, 0, 0]).size > steps // 2  # it does move
    assert abs(found.exponents[0, 0] - math.log(mu)) <= math.log(mu * math.sqrt(5) * math.sqrt(2)) / steps
    assert found.exponents[0, 1] == -math.inf
    assert np.isnan(found.error[0, 1])


def test_the_logistic_map():
    """x' = 4 x (1 - x): log 2, approached like a mean of independent terms; within six of its own standard errors."""
    x, jacobians = 0.2345, []
    for _ in range(20000):
        jacobians.append(np.array([[4 - 8 * x]]))
        x = 4 * x * (1 - x)
    found = exponents_of(jacobians, transient=100)
    assert abs(found.exponents[0, 0] - math.log(2)) <= 6 * found.error[0, 0]
    assert found.error[0, 0] < 0.01


def test_the_error_is_that_of_a_mean():
    """Independent growth rates N(m, 1): the standard error is 1 / sqrt(T), known to 1 / sqrt(2 (BATCHES - 1)) = 24 %;
    the mean over 40 rows to 4 %."""
    rng, steps, rows = np.random.default_rng(6), 500, 40
    rates = rng.normal(0.3, 1.0, (steps, rows))
    found = exponents_of(list(np.exp(rates)[:, :, None, None]))
    np.testing.assert_allclose(found.exponents[:, 0], rates.mean(axis=0), rtol=0, atol=steps * EPS)
    assert found.error.mean() * math.sqrt(steps) == pytest.approx(1.0, abs=5 * 0.24 / math.sqrt(rows))


def test_rows_of_their_own_lengths():
    """Only a row's own steps count, and pieces of the run make no difference."""
    case = drawn(refseq.layer("lstm", 2, 3))
    lengths = np.array([4, 1, 3, 2])
    found = lyapunov_exponents(case.layer, case.params, case.x, case.state, lengths)
    for b, length in enumerate(lengths):
        state = {name: value[:, [b]] for name, value in case.state.items()}
        alone = lyapunov_exponents(case.layer, case.params, case.x[:length, [b]], state)
        np.testing.assert_allclose(found.exponents[[b]], alone.exponents, rtol=1e3 * EPS)
    assert np.isnan(found.error).all()
    assert found.exponents.shape == (ROWS, 6)


def test_pieces(monkeypatch):
    case = drawn(refseq.layer("lstm", 2, 3), padded=False)
    whole = lyapunov_exponents(*case.given)
    monkeypatch.setattr(refseq.dynamics.lyapunov, "CHUNK", 1)
    assert np.array_equal(lyapunov_exponents(*case.given).exponents, whole.exponents)
    assert BATCHES > 1


def test_what_is_refused():
    case = drawn(refseq.layer("lstm", 2, 3))
    with pytest.raises(ValueError, match=r"lengths\[1\]: expected more than transient = 0 steps, got 0"):
        lyapunov_exponents(*case.given)
    with pytest.raises(ValueError, match="count: expected at most n = 6"):
        lyapunov_exponents(case.layer, case.params, case.x, count=7)
    with pytest.raises(ValueError, match="bidirectional=False"):
        lyapunov_exponents(BOTH_WAYS[0], drawn(BOTH_WAYS[0]).params, case.x)
    with pytest.raises(ValueError, match="jacobians: expected more than transient = 2 steps, got 2"):
        exponents_of([np.eye(2)] * 2, transient=2)
    with pytest.raises(ValueError, match=r"jacobians\[1\]: expected shape"):
        exponents_of([np.eye(2), np.ones((2, 3))])
