"""A primitive returns the type it is given, compiled or not, and refuses what it has no rule for."""

from decimal import Decimal

import numba
import numpy as np
import pytest

from tests.every_primitive import PAIRS, PRIMITIVES, compiled_types

ARGUMENT = {"log": 0.75}


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_numba_returns_the_type_of_the_argument(dtype):
    types = compiled_types(np.dtype(dtype).type(0.75))
    assert types == dict.fromkeys(PRIMITIVES, getattr(numba, dtype))


@pytest.mark.parametrize("kind", [float, np.float32, np.float64, complex, np.complex64, np.complex128])
@pytest.mark.parametrize("name", PRIMITIVES)
def test_plain_python_returns_the_type_of_the_argument(name, kind):
    assert type(PRIMITIVES[name](kind(0.75))) is kind


@pytest.mark.parametrize("kind", [np.complex64, np.complex128])
@pytest.mark.parametrize("x", [-3.0, -0.4, 0.3, 2.0])
@pytest.mark.parametrize("name", PAIRS)
def test_the_complex_step_is_the_slope(name, x, kind):
    """Im f(x + ih)/h = f'(x) up to O(h^2): a derivative without cancellation."""
    if name == "log":
        x = abs(x)
    value, slope = PAIRS[name]
    h, eps = 1e-20, float(np.finfo(kind).eps)
    step = value(kind(complex(x, h)))
    assert float(step.imag) / h == pytest.approx(float(slope(kind(step.real)).real), rel=32 * eps, abs=4 * eps)


@pytest.mark.parametrize("number", [3, True, "0.5", None, Decimal("0.5"), np.int64(1)])
@pytest.mark.parametrize("name", PRIMITIVES)
def test_an_unknown_number_is_refused_by_name(name, number):
    with pytest.raises(TypeError, match=rf"{name}: .*{type(number).__name__} are no registered field.*register_field"):
        PRIMITIVES[name](number)


@pytest.mark.parametrize("x", [1e4, -1e4, 1e4j, 800 + 1j])
@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_large_complex_numbers_do_not_raise(name, x):
    assert not np.isnan(PRIMITIVES[name](complex(x)).real)
