"""Every slope, as a function of the output, is the derivative of its value: by symbolic differentiation."""

import pytest
import sympy

import refseq.fields.symbol  # noqa: F401 - registers sympy's numbers
from tests.every_primitive import PAIRS


@pytest.mark.parametrize("assume", ["positive", "negative"])
@pytest.mark.parametrize("name", PAIRS)
def test_slope_is_the_derivative(name, assume):
    value, slope = PAIRS[name]
    x = sympy.Symbol("x", real=True, **{assume: True})
    y = value(x)
    difference = sympy.diff(y, x) - slope(y)
    assert sympy.simplify(difference.rewrite(sympy.exp)) == 0


def test_a_wrong_slope_is_refuted():
    x = sympy.Symbol("x", real=True)
    y = PAIRS["sigmoid"][0](x)
    assert sympy.simplify(sympy.diff(y, x) - y) != 0
