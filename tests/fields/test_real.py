"""The derivatives of floats: every primitive has one, they agree with the slopes and with balls, and never overflow."""

import math

import numpy as np
import pytest
from flint import arb

import refseq.fields.ball
import refseq.fields.real  # noqa: F401 - registers the derivatives of floats
from refseq.fields.ball import precision
from refseq.fields.differential import Dual
from refseq.primitives import TRANSCENDENTAL, clip, clip_slope
from tests.every_primitive import PAIRS

POINTS = [-40.0, -3.0, -0.6, -1e-9, 1e-9, 0.25, 1.0, 2.5, 19.0]
EPS = np.finfo(float).eps


@pytest.mark.parametrize("name", TRANSCENDENTAL)
@pytest.mark.parametrize("x", POINTS)
def test_the_derivative_is_within_four_ulp_of_the_true_one(name, x):
    """Three or four roundings, and an exponential that is good to one ULP. (Balls have formulas of their own.)"""
    x = abs(x) if name in ("log", "sqrt") else x
    found = TRANSCENDENTAL[name](Dual(x, 1.0))
    with precision(400):
        exact = TRANSCENDENTAL[name](Dual(arb(x), arb(1)))
        assert abs(arb(found.tangent) - exact.tangent) <= 4 * EPS * abs(exact.tangent)
        assert abs(arb(found.value) - exact.value) <= 4 * EPS * abs(exact.value)


@pytest.mark.parametrize("name", PAIRS)
def test_the_slope_loses_digits_where_the_law_does_not(name):
    """The slope is written from the output: absolute errors of a few eps, relative ones where it does not cancel."""
    value, slope = PAIRS[name]
    for x in np.abs(POINTS).tolist() if name in ("log", "sqrt") else POINTS:
        law = value(Dual(x, 1.0)).tangent
        assert abs(slope(value(x)) - law) <= 4 * EPS * max(1.0, abs(law), abs(x))


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("x", [-1e308, -750.0, 750.0, 1e308])
def test_nothing_overflows(name, x):
    assert TRANSCENDENTAL[name](Dual(x, 1.0)).tangent == (1.0 if name == "relu" and x > 0 else 0.0)


@pytest.mark.parametrize(("x", "slope"), [(-2.0, 0.0), (-0.5, 0.0), (-0.25, 1.0), (0.25, 1.0), (0.5, 0.0), (2.0, 0.0)])
def test_clip(x, slope):
    """1 inside, 0 outside and on the bounds, as the slope says."""
    found = clip(Dual(x, 3.0), Dual(0.5, 0.0))
    assert found.tangent == 3 * slope == 3 * clip_slope(found.value, 0.5)


def test_the_edges():
    relu, log = TRANSCENDENTAL["relu"], TRANSCENDENTAL["log"]
    assert relu(Dual(0.0, 1.0)).tangent == 0.0
    assert log(Dual(0.0, 1.0)).tangent == math.inf
    for name in ("tanh", "sigmoid", "relu", "exp"):
        assert math.isnan(TRANSCENDENTAL[name](Dual(math.nan, 1.0)).value)
