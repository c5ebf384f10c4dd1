"""float32 rounded to the operands of tensor cores, against exact rational numbers: at ties, among subnormal numbers, at
the end of the range, and for what is no number."""

from fractions import Fraction

import numpy as np
import pytest

from cuda_kernels import rounding

FRACTION = {"tf32": 10, "bf16": 7}
LEAST, MOST = -126, 127  # exponents of normal float32 numbers


def nearest(x, precision):
    """The nearest number with so many bits of fraction; a tie goes to the even one, or away from zero."""
    exact = abs(Fraction(float(x)))
    exponent = LEAST if exact < Fraction(2) ** LEAST else int(np.floor(np.log2(float(exact))))
    while exact >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while exponent > LEAST and exact < Fraction(2) ** exponent:
        exponent -= 1
    step = Fraction(2) ** (exponent - FRACTION[precision])
    below = exact // step
    rest = exact - below * step
    tie = below % 2 == 1 if precision == "bf16" else True
    up = rest * 2 > step or (rest * 2 == step and tie)
    found = (below + up) * step
    beyond = found >= Fraction(2) ** (MOST + 1)
    return np.copysign(np.inf if beyond else float(found), x)


def bits(*patterns):
    return np.array(patterns, np.uint32).view(np.float32)


def drawn():
    rng = np.random.default_rng(0)
    anything = rng.integers(0, 2**32, 4000, dtype=np.uint32)
    heads = rng.integers(0, 2**16, 400, dtype=np.uint32) << np.uint32(16)
    tails = (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0x0FFF, 0x1000, 0x1001, 0x3000)
    halves = [heads | np.uint32(tail) for tail in tails]
    found = np.concatenate([anything, *halves]).view(np.float32)
    return found[np.isfinite(found)]


EDGES = {
    "subnormal": bits(1, 0xFFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0x8001, 0x18000, 0x7FFFFF, 0x80000001, 0x80008000),
    "largest": bits(0x7F7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0x7F7FF000, 0x7F7FEFFF, 0xFF7FFFFF, 0xFF7F8000),
    "zero and one": bits(0, 0x80000000, 0x3F800000, 0x3F808000, 0x3F818000, 0x3F801000, 0x3F803000, 0xBF808000),
    "drawn": drawn(),
}


@pytest.mark.parametrize("precision", FRACTION)
@pytest.mark.parametrize("kind", EDGES)
def test_the_nearest_number(kind, precision):
    x = EDGES[kind]
    want = np.array([nearest(one, precision) for one in x], np.float32)
    got = rounding.rounded(x, precision)
    assert got.tobytes() == want.tobytes(), x[got != want][:5]


@pytest.mark.parametrize("precision", FRACTION)
def test_what_is_no_number(precision):
    x = np.array([np.inf, -np.inf, np.nan, -np.nan], np.float32)
    patterns = np.concatenate([x, bits(0x7F800001, 0xFF800001, 0x7FFFFFFF, 0x7FBFFFFF)])
    got = rounding.rounded(patterns, precision)
    assert got[:2].tolist() == [np.inf, -np.inf]
    assert np.isnan(got[2:]).all()
    assert (rounding.tf32(patterns[2:]) == 0x7FFFFFFF).all()
    assert (rounding.bf16(patterns[2:]) == 0x7FFF).all()


@pytest.mark.parametrize("precision", FRACTION)
def test_the_roundoff(precision):
    """Nothing is off by more, and something by nearly as much."""
    x = np.abs(drawn())
    x = x[(x > 2.0**LEAST) & (x < 2.0**MOST)].astype(float)
    error = np.abs(rounding.rounded(x, precision) - x) / x
    assert 0.9 * rounding.ROUNDOFF[precision] < error.max() <= rounding.ROUNDOFF[precision]


def test_ties_part_the_two():
    """tf32 goes away from zero, bf16 to the even neighbour."""
    assert rounding.rounded(bits(0x3F801000), "tf32").view(np.uint32) == 0x3F802000
    assert rounding.rounded(bits(0x3F808000), "bf16").view(np.uint32) == 0x3F800000
    assert rounding.rounded(bits(0x3F818000), "bf16").view(np.uint32) == 0x3F820000
