"""Values and slopes of the primitives against python-flint, and at the edges of the number line."""

import math

import numpy as np
import pytest
from flint import arb

from refseq.fields.ball import precision
from tests.every_primitive import PAIRS, PRIMITIVES, compiled

ARB = {
    "tanh": (arb.tanh, lambda x: 1 / x.cosh() ** 2),
    "sigmoid": (lambda x: 1 / (1 + (-x).exp()), lambda x: 1 / (2 * (x / 2).cosh()) ** 2),
    "relu": (lambda x: x if x > 0 else arb(0), lambda x: arb(1 if x > 0 else 0)),
    "identity": (lambda x: x, lambda x: arb(1)),
    "exp": (arb.exp, arb.exp),
    "log": (arb.log, lambda x: 1 / x),
}

# ULP of the value. glibc's exp, log: 1; tanh: 2. sigmoid = 1/(1 + e): half of e's error or all of it (2 roundoffs), one
# rounding in the sum, one in the quotient: 4 roundoffs, and a roundoff is at most one ULP.
ULP = {"tanh": 2, "sigmoid": 4, "relu": 0, "identity": 0, "exp": 1, "log": 1}


def slope_bound(name: str, y: float, slope: float, u: float) -> float:
    """First-order rounding error of the slope computed from a y that is ULP[name] wrong (2 u each)."""
    k = 2 * ULP[name]
    bounds = {
        "tanh": 2 * k * y * y + y * y + slope,  # 1 - y*y: the error of y, of the product, of the difference
        "sigmoid": k * y * abs(1 - 2 * y) + 2 * slope,  # y*(1 - y)
        "exp": k * slope,
        "log": (k * abs(y) + 2 * ULP["exp"]) * slope,  # exp(-y)
    }
    return 1.01 * bounds.get(name, 0.0) * u


def points(dtype: str) -> np.ndarray:
    """Both signs, from denormals to 1e4: zero, the usual range, saturation, overflow and underflow of exp."""
    smallest = np.finfo(dtype).smallest_subnormal
    size = np.concatenate([[smallest, 4 * smallest], np.logspace(-30, 4, 120), np.linspace(0.01, 120, 120)])
    return np.concatenate([-size[::-1], [0.0], size]).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("how", ["python", "numba"])
@pytest.mark.parametrize("name", PAIRS)
def test_value_and_slope_are_within_the_derived_bounds(name, how, dtype):
    value, slope = (PRIMITIVES[n] if how == "python" else compiled(n) for n in (name, f"{name}_slope"))
    u, tiny, largest = (float(getattr(np.finfo(dtype), what)) for what in ("epsneg", "smallest_subnormal", "max"))
    with precision(200), np.errstate(over="ignore", under="ignore"):
        for x in points(dtype):
            if name == "log" and x <= 0:
                continue
            y = value(x)
            exact, exact_slope = (rule(arb(float(x))) for rule in ARB[name])
            if not np.isfinite(y):
                assert name == "exp"
                assert exact > arb(largest)
                continue
            ulp = float(np.spacing(np.abs(y)))
            assert abs(arb(float(y)) - exact) <= arb(max(ULP[name], 0.5) * ulp), (x, y)
            bound = slope_bound(name, float(y), float(exact_slope), u) + 2 * tiny
            if float(exact_slope) < largest:
                assert abs(arb(float(slope(y))) - exact_slope) <= arb(bound), (x, slope(y))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("how", ["python", "numba"])
@pytest.mark.parametrize(("name", "exact", "ulp"), [("log1p", arb.log1p, 1), ("sqrt", arb.sqrt, 0.5)])
def test_values_without_a_slope_of_their_own(name, exact, ulp, how, dtype):
    """glibc's log1p: 1 ULP; square roots are rounded correctly."""
    value = PRIMITIVES[name] if how == "python" else compiled(name)
    with precision(200):
        for x in points(dtype):
            if x > (-1 if name == "log1p" else 0):
                y = value(x)
                assert abs(arb(float(y)) - exact(arb(float(x)))) <= arb(ulp * float(np.spacing(np.abs(y)))), (x, y)


AT_THE_EDGE = [
    # name, argument, expected
    *[(name, math.nan, math.nan) for name in PRIMITIVES if name not in ("relu_slope", "identity_slope", "zero")],
    ("tanh", math.inf, 1.0),
    ("tanh", -math.inf, -1.0),
    ("tanh", -0.0, -0.0),
    ("sigmoid", math.inf, 1.0),
    ("sigmoid", -math.inf, 0.0),
    ("sigmoid", -0.0, 0.5),
    ("relu", math.inf, math.inf),
    ("relu", -math.inf, 0.0),
    ("relu", -0.0, 0.0),
    ("identity", -0.0, -0.0),
    ("exp", math.inf, math.inf),
    ("exp", 1e4, math.inf),
    ("exp", -math.inf, 0.0),
    ("log", math.inf, math.inf),
    ("log", 0.0, -math.inf),
    ("log", -1.0, math.nan),
    ("log1p", math.inf, math.inf),
    ("log1p", -0.0, -0.0),
    ("log1p", -1.0, -math.inf),
    ("log1p", -2.0, math.nan),
    ("sqrt", math.inf, math.inf),
    ("sqrt", -0.0, -0.0),
    ("sqrt", -1.0, math.nan),
    ("tanh_slope", 1.0, 0.0),
    ("sigmoid_slope", 1.0, 0.0),
    ("sigmoid_slope", 0.0, 0.0),
    ("relu_slope", 0.0, 0.0),
    ("relu_slope", math.inf, 1.0),
    ("relu_slope", math.nan, 1.0),  # the cotangent then passes, times a NaN elsewhere; it is not silently lost
    ("log_slope", -math.inf, math.inf),
    ("zero", 5.0, 0.0),
    ("complement", 1.0, 0.0),
]


@pytest.mark.parametrize("number", [float, np.float64, np.float32])
@pytest.mark.parametrize(("name", "x", "expected"), AT_THE_EDGE)
def test_edges_of_the_number_line(name, x, expected, number):
    results = [PRIMITIVES[name](number(x))]
    if number is not float:
        results.append(compiled(name)(number(x)))
    for result in results:
        np.testing.assert_equal(result, number(expected))
        assert np.signbit(result) == np.signbit(expected) or math.isnan(expected)
