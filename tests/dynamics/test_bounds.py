"""gamma < 1 proves vanishing; gamma > 1 proves nothing."""

import numpy as np
import pytest

import refseq
from refseq.dynamics import Gamma, gamma, gamma_bound, spectral_norm, spectral_radius, state_jacobians, transition_norms
from tests.gradients.problems import drawn

EPS = np.finfo(float).eps


def elman(W_hh: np.ndarray, activation: str = "tanh", steps: int = 12):
    layer = refseq.layer("elman", 2, len(W_hh), activation=activation)
    rng = np.random.default_rng(3)
    params = {name: rng.normal(size=shape) for name, shape in layer.shapes.items()} | {"W_hh": W_hh[None]}
    return state_jacobians(layer, params, rng.normal(size=(steps, 3, 2)))


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "identity"])
def test_below_one_it_bounds_every_transition(activation):
    """The theorem: ||d s_t / d s_k|| <= gamma^(t-k), for the gamma of the run and for the bound from W_hh alone."""
    matrix = np.random.default_rng(1).normal(size=(4, 4))
    matrix *= 0.95 / np.linalg.norm(matrix, 2)
    jacobians = elman(matrix, activation)
    along, before = gamma(jacobians), gamma_bound(matrix, activation)
    assert along.vanishing
    assert before.vanishing
    assert along.value <= before.value * (1 + 64 * EPS)
    norms = transition_norms(jacobians)
    for t in range(13):
        for k in range(t + 1):
            for one in (along, before):
                assert np.all(norms[t, k] <= one.bound(t - k) * (1 + 64 * (t - k + 1) * EPS))


def test_above_one_it_proves_nothing():
    """A norm of 10, and every product of ten factors is below 0.2: exploding needs gamma > 1, not the reverse."""
    matrix = np.array([[0.5, 10.0], [0.0, 0.5]])
    jacobians = elman(matrix, "identity", 40)
    assert gamma(jacobians).value > 10
    assert not gamma(jacobians).vanishing
    assert spectral_radius(matrix) == 0.5
    norms = transition_norms(jacobians)
    assert np.all(norms[10, 0] < 0.21)
    assert np.all(norms[40, 0] < 1e-9)
    assert np.all(norms[1, 0] > 10)


def test_it_is_an_upper_bound_after_rounding_too():
    """The true norm of diag(0.1, 0.3) is 0.3 as stored; orthogonal matrices have norm 1 and are not below it."""
    for size in (1, 3, 8):
        matrix = np.linalg.qr(np.random.default_rng(size).normal(size=(size, size)))[0]
        assert not gamma_bound(matrix, "identity").vanishing
        assert gamma_bound(0.5 * matrix, "tanh").value == pytest.approx(0.5, rel=64 * size * EPS)
    assert gamma_bound(np.diag([0.1, 0.3]), "identity").value >= 0.3


def test_a_sigmoid_may_have_a_norm_of_four():
    assert gamma_bound(3.9 * np.eye(3), "sigmoid").vanishing
    assert not gamma_bound(3.9 * np.eye(3), "tanh").vanishing
    assert not gamma_bound(4.0 * np.eye(3), "sigmoid").vanishing
    assert gamma_bound(0.5 * np.eye(3)[None], "relu").bound(10) == pytest.approx(2.0**-10, rel=1e-12)


def test_steps_beyond_a_length_do_not_count():
    """They hold the state, with norm 1."""
    layer = refseq.layer("elman", 2, 3, activation="sigmoid")
    case = drawn(layer)
    params = case.params | {"W_hh": np.eye(3)[None]}
    jacobians = state_jacobians(layer, params, case.x, case.state, case.lengths)
    assert spectral_norm(jacobians.matrices).max() == 1
    assert gamma(jacobians).value <= 0.2500001
    assert gamma(state_jacobians(layer, params, case.x[:0])).value == 0


def test_nan_proves_nothing():
    assert not Gamma(float("nan")).vanishing


def test_norm_and_radius():
    rotation = np.array([[0.0, -2.0], [2.0, 0.0]])
    stacked = np.stack([np.diag([3.0, -5.0]), rotation, np.array([[0.0, 1.0], [0.0, 0.0]])])
    np.testing.assert_allclose(spectral_radius(stacked), [5, 2, 0], rtol=8 * EPS)
    np.testing.assert_allclose(spectral_norm(stacked), [5, 2, 1], rtol=8 * EPS)
    assert spectral_radius(stacked[0]).shape == ()
    case = drawn(refseq.layer("lstm", 2, 3))
    jacobians = state_jacobians(*case.given).matrices
    assert np.all(spectral_radius(jacobians) <= spectral_norm(jacobians) * (1 + 64 * EPS))


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"matrices: expected shape \(..., n, n\), got \(2, 3\)"):
        spectral_radius(np.ones((2, 3)))
    with pytest.raises(TypeError, match="matrices: expected dtype float32 or float64, got int64"):
        spectral_norm(np.ones((2, 2), int))
    with pytest.raises(TypeError, match="W_hh: expected a numpy array, got list"):
        gamma_bound([[1.0]], "tanh")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"W_hh: expected one matrix, got shape \(4, 3, 3\)"):
        gamma_bound(np.ones((4, 3, 3)), "tanh")
    with pytest.raises(ValueError, match="activation: expected one of tanh, sigmoid, relu, identity; got 'sin'"):
        gamma_bound(np.eye(2), "sin")
