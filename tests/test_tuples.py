"""Arithmetic on tuples: compiled and interpreted, for every length, none included."""

import numba
import numpy as np
import pytest

from refseq import tuples

A, B, C, X = (1.5, -2.0, 3.25), (0.5, 4.0, -1.0), (2.0, 0.125, -3.0), 0.75

CASES = {
    "multiply": ((A, B), (0.75, -8.0, -3.25)),
    "add_products": ((A, B, C), (2.5, -1.5, 6.25)),
    "add_scaled": ((A, B, X), (1.875, 1.0, 2.5)),
    "scale": ((A, X), (1.125, -1.5, 2.4375)),
    "complements": ((A,), (-0.5, 3.0, -2.25)),
    "zeros_like": ((A,), (0.0, 0.0, 0.0)),
}


def shortened(arguments, length):
    return tuple(part[:length] if isinstance(part, tuple) else part for part in arguments)


@pytest.mark.parametrize("length", [0, 1, 3])
@pytest.mark.parametrize("name", CASES)
def test_entries(name, length):
    arguments, expected = CASES[name]
    function, given = getattr(tuples, name), shortened(arguments, length)
    assert function(*given) == expected[:length]
    compiled = numba.njit(lambda *arguments: function(*arguments))  # noqa: PLW0108 - an overload is compiled from outside
    assert compiled(*given) == expected[:length]


@pytest.mark.parametrize("length", [0, 1, 3])
def test_dot(length):
    expected = sum(a * b for a, b in zip(A[:length], B[:length], strict=True))
    assert tuples.dot(A[:length], B[:length], X) == expected
    assert numba.njit(lambda a, b, x: tuples.dot(a, b, x))(A[:length], B[:length], X) == expected  # noqa: PLW0108 - an overload is compiled from outside


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name):
    given = [tuple(map(np.float32, part)) if isinstance(part, tuple) else np.float32(part) for part in CASES[name][0]]
    function = getattr(tuples, name)
    compiled = numba.njit(lambda *arguments: function(*arguments))  # noqa: PLW0108 - an overload is compiled from outside
    compiled(*given)
    (signature,) = compiled.nopython_signatures
    assert set(signature.return_type) == {numba.float32}


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        tuples.multiply(A, B[:2])
