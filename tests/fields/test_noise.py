"""Monte-Carlo arithmetic: one operation has the spread of uniform rounding, errors add in quadrature."""

import numpy as np
import pytest

from refseq.fields.noise import ACTIVATION_ROUNDOFFS, UNIT_ROUNDOFF, Noisy, Rounding
from refseq.primitives import relu, relu_slope
from tests.every_primitive import PRIMITIVES

U, SAMPLES = 2.0**-24, 4000
UNIFORM = U / np.sqrt(3)  # standard deviation of u r, r uniform in [-1, 1]
# the spread of SAMPLES uniform numbers has itself a relative standard deviation of sqrt(0.8/4/SAMPLES) = 0.7 %
CLOSE = 6 * np.sqrt(0.2 / SAMPLES)


@pytest.fixture(scope="module")
def rounding():
    return Rounding(U, SAMPLES, 3)


def relative_spread(noisy: Noisy) -> float:
    return float(np.std(noisy.samples) / abs(np.mean(noisy.samples)))


def test_the_unit_roundoffs():
    assert {name: np.finfo(name).eps / 2 for name in ("float32", "float64")} == UNIT_ROUNDOFF


@pytest.mark.parametrize(
    "operation", [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b, lambda a, b: 3 / a]
)
def test_one_operation_rounds_once(rounding, operation):
    result = operation(rounding.number(3.0), rounding.number(0.7))
    assert relative_spread(result) == pytest.approx(UNIFORM, rel=CLOSE)
    assert np.mean(result.samples) == pytest.approx(operation(3.0, 0.7), rel=6 * UNIFORM / np.sqrt(SAMPLES))


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "exp", "log"])
def test_an_activation_is_wrong_by_two_ulp(rounding, name):
    result = PRIMITIVES[name](rounding.number(0.7))
    assert relative_spread(result) == pytest.approx(ACTIVATION_ROUNDOFFS * UNIFORM, rel=CLOSE)


@pytest.mark.parametrize("n", [2, 16, 100])
def test_errors_of_a_product_add_in_quadrature(rounding, n):
    x = product = rounding.number(1.01)
    for _ in range(n):
        product = product * x
    assert relative_spread(product) == pytest.approx(np.sqrt(n) * UNIFORM, rel=2 * CLOSE)


def test_the_spread_of_a_sum_is_that_of_its_partial_sums(rounding):
    """sum of n ones: partial sum k is rounded once, so the variance is sum of k^2 uniform^2, k = 2 .. n."""
    n = 50
    total = one = rounding.number(1.0)
    for _ in range(n - 1):
        total = total + one
    expected = np.sqrt(sum(k * k for k in range(2, n + 1))) * UNIFORM
    assert np.std(total.samples) == pytest.approx(expected, rel=2 * CLOSE)


def test_a_cancelling_difference_keeps_the_error_of_its_terms(rounding):
    a = rounding.number(1.0) * rounding.number(1.0)
    difference = a - rounding.number(1.0)
    assert np.std(difference.samples) == pytest.approx(UNIFORM, rel=CLOSE)


def test_what_is_not_rounded_is_exact(rounding):
    x = rounding.number(0.3)
    for exact in (x, -x, relu(x), relu_slope(relu(x)), relu(-x), PRIMITIVES["identity"](x), PRIMITIVES["zero"](x)):
        assert np.ptp(exact.samples) == 0


def test_saturation_raises_no_warning(rounding):
    for x in (1e4, -1e4):
        assert np.isfinite(PRIMITIVES["sigmoid"](rounding.number(x)).samples).all()
        assert np.isfinite(PRIMITIVES["tanh"](rounding.number(x)).samples).all()
