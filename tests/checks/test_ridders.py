"""Central differences whose error estimate covers their true error: smooth functions, noise, a kink near by."""

import math

import numpy as np
import pytest

from refseq.checks.budget import THRESHOLD
from refseq.checks.ridders import FIRST_STEP, derivative

SMOOTH = {
    "exp": (math.exp, 1.0),
    "sin 9x": (lambda h: math.sin(9 * h), 9.0),
    "1/(1 + x)": (lambda h: 1 / (1 + h), -1.0),
    "tanh(0.7 + 5x)": (lambda h: math.tanh(0.7 + 5 * h), 5 / math.cosh(0.7) ** 2),
    "x^7 + x": (lambda h: h**7 + h, 1.0),
    "steep": (lambda h: math.exp(40 * h), 40.0),
    "constant": (lambda h: 3.0, 0.0),
    "1e8 + x": (lambda h: 1e8 + h, 1.0),
    "1e-12 sin x": (lambda h: 1e-12 * math.sin(h), 1e-12),
}


def noise(function) -> float:
    return 2.0**-53 * max(abs(function(h)) for h in (0.0, FIRST_STEP))


@pytest.mark.parametrize("name", SMOOTH)
def test_the_estimate_covers_the_true_error(name):
    function, true = SMOOTH[name]
    found, estimate = derivative(function, noise(function))
    assert abs(found - true) <= THRESHOLD * estimate
    assert estimate < 1e-7 * abs(true) + 1e3 * noise(function)


@pytest.mark.parametrize("name", ["exp", "1/(1 + x)", "tanh(0.7 + 5x)"])
def test_extrapolation_gains_half_of_the_digits(name):
    """Plain central differences end at about 1e-10, where truncation and rounding meet."""
    function, true = SMOOTH[name]
    found, estimate = derivative(function, noise(function))
    assert abs(found - true) < 1e-12 * abs(true) * 10
    assert estimate < 1e-11 * abs(true)


@pytest.mark.parametrize("size", [1e-12, 1e-8, 1e-4])
def test_noise_enters_the_estimate(size):
    rng = np.random.default_rng(4)
    worst = 0.0
    for _ in range(50):
        found, estimate = derivative(lambda h: math.sin(h) + size * rng.normal(), size)
        assert size < estimate < 1e6 * size
        worst = max(worst, abs(found - 1.0) / estimate)
    assert 0.001 < worst < THRESHOLD


@pytest.mark.parametrize("kink", [0.04, 0.011, 0.0031, 2e-4, 1e-5, 1e-6])
def test_a_kink_spoils_only_the_larger_steps(kink):
    """relu at a small distance from its kink, beside a smooth function."""
    found, estimate = derivative(lambda h: max(0.0, h + kink) + math.exp(h), 1e-16)
    assert abs(found - 2.0) <= THRESHOLD * estimate
    assert estimate < 1e-6


def test_a_wrong_derivative_is_outside_the_estimate():
    found, estimate = derivative(math.exp, 2.0**-53)
    assert abs(found - (1 + 1e-6)) > 1e3 * THRESHOLD * estimate
