"""exp, sigmoid and tanh of vectors against rigorous values: errors as the docstring states, exact at the ends."""

import re

import numpy as np
import pytest
from flint import arb, ctx

from refseq import rules
from refseq.engine import vector, vector_math
from refseq.fields.noise import ACTIVATION_ROUNDOFFS, UNIT_ROUNDOFF
from tests.engine.compiled import elementwise, of_two

FUNCTIONS = ("exp", "sigmoid", "tanh")
DTYPES = ("float32", "float64")
BITS = 160
STEP = 2**12 + 1
"""Of all bit patterns of float32 every so manieth is looked at: a million numbers of every size."""

WORST = {
    "float32": [-5.891180038452148, -7.569637775421143, -1.9542444944381714, 0.003930989187210798, 0.03125830367207527],
    "float64": [
        -4.504657538343399,
        -4.505316100477326,
        -3.4539821090518252,
        -0.17777954574207033,
        0.20349140099162671,
    ],
}
"""Where the errors are largest, of all float32 numbers and of 10^7 float64 ones, for vectors of 512 bits."""

needs_fma = pytest.mark.skipif(not vector.has_fma(), reason="the stated errors are those with fused multiply-adds")


def same(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Equal, also in the signs of zeros; a NaN is a NaN."""
    numbers = ~np.isnan(theirs)
    signs = np.array_equal(np.signbit(ours[numbers]), np.signbit(theirs[numbers]))
    return signs and ours.dtype == theirs.dtype and np.array_equal(ours, theirs, equal_nan=True)


def stated(name: str, dtype: str) -> tuple[float, float]:
    """The error that the docstring states, relative and in units in the last place."""
    (row,) = re.findall(rf"^    {name} +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)", str(vector_math.__doc__), re.MULTILINE)
    relative, units = row[:2] if dtype == "float32" else row[2:]
    return float(relative), float(units)


def double(name: str, x: np.ndarray) -> np.ndarray:
    """The function in float64, whose own error does not count for float32."""
    with np.errstate(over="ignore", under="ignore"):
        if name == "sigmoid":
            z = np.exp(-np.abs(x))
            return np.where(x >= 0, 1, z) / (1 + z)
        return getattr(np, name)(x)


def rigorous(name: str, x: float) -> arb:
    exact = arb(x)
    if name == "sigmoid":
        return 1 / (1 + (-exact).exp())
    return getattr(exact, name)()


def samples(dtype: str) -> np.ndarray:
    """Numbers of every size whose results are normal: dense, near the reductions' edges, near 0 and near saturation."""
    rng = np.random.default_rng(3)
    end = 87.0 if dtype == "float32" else 708.0
    whole = [rng.uniform(-end, end, 3000), rng.uniform(-20, 20, 3000), rng.uniform(-1, 1, 3000)]
    edges = np.log(2) * (np.arange(-60, 60) + 0.5)
    whole += [edges * (1 + shift) for shift in (-1e-6, 0, 1e-6)]
    whole += [np.exp(rng.uniform(np.log(1e-30), 0, 2000)) * rng.choice([-1, 1], 2000)]
    return np.concatenate([*whole, WORST[dtype]]).astype(dtype)


def errors(name: str, x: np.ndarray) -> tuple[float, float]:
    """The largest error over these numbers, relative in roundoffs and in units in the last place."""
    u, got = UNIT_ROUNDOFF[str(x.dtype)], elementwise(name, x)
    relative, units = [], []
    ctx.prec, before = BITS, ctx.prec
    try:
        for number, value in zip(x.tolist(), got.tolist(), strict=True):
            exact = rigorous(name, number)
            error = abs(arb(value) - exact)
            relative.append(float(error / abs(exact)) / u)
            units.append(float(error) / float(np.spacing(x.dtype.type(abs(float(exact))))))
    finally:
        ctx.prec = before
    return max(relative), max(units)


@needs_fma
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_are_as_stated(name, dtype):
    """And below the allowance of the error budgets."""
    relative, units = errors(name, samples(dtype))
    most, most_units = stated(name, dtype)
    assert most - 0.2 < relative <= most < ACTIVATION_ROUNDOFFS
    assert most_units - 0.2 < units <= most_units


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_of_every_size(name):
    x = np.arange(0, 2**32, STEP, dtype=np.uint64).astype(np.uint32).view(np.float32)
    x = x[np.isfinite(x)]
    exact, got = double(name, x.astype(np.float64)), elementwise(name, x)
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
    over = np.isinf(rounded)
    assert np.array_equal(got[over], rounded[over])
    exact, got = exact[~over], got[~over].astype(np.float64)
    smallest = float(np.finfo(np.float32).smallest_subnormal)
    roundoffs = stated(name, "float32")[0] if vector.has_fma() else ACTIVATION_ROUNDOFFS
    allowed = roundoffs * 2.0**-24 * np.abs(exact) + smallest * (np.abs(exact) < np.finfo(np.float32).tiny)
    assert np.max(np.abs(got - exact) - allowed) <= 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_ends_are_exact(dtype):
    inf, nan, last = np.inf, np.nan, float(np.finfo(dtype).max)
    far = np.array([-inf, -last, -1000, 1000, last, inf, nan], dtype)
    assert same(elementwise("exp", far), np.array([0, 0, 0, inf, inf, inf, nan], dtype))
    assert same(elementwise("sigmoid", far), np.array([0, 0, 0, 1, 1, 1, nan], dtype))
    assert same(elementwise("tanh", far), np.array([-1, -1, -1, 1, 1, 1, nan], dtype))
    zeros = np.array([0.0, -0.0], dtype)
    assert same(elementwise("tanh", zeros), zeros)
    assert same(elementwise("exp", zeros), np.ones(2, dtype))
    assert same(elementwise("sigmoid", zeros), np.full(2, 0.5, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_of_what_is_tiny_is_itself(dtype):
    """Down to the smallest subnormal number."""
    rng, info = np.random.default_rng(5), np.finfo(dtype)
    x = np.concatenate([info.smallest_subnormal * np.arange(1, 50), info.tiny * rng.uniform(0, 4, 200)])
    x = np.concatenate([x, np.exp(rng.uniform(np.log(info.tiny), np.log(info.eps / 4), 500))]).astype(dtype)
    assert same(elementwise("tanh", np.concatenate([x, -x])), np.concatenate([x, -x]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_subnormal_results_are_gradual(dtype):
    """exp falls through the subnormal numbers to 0: one rounding more than elsewhere, to the grid."""
    info, roundoffs = np.finfo(dtype), stated("exp", dtype)[0] if vector.has_fma() else ACTIVATION_ROUNDOFFS
    x = np.linspace(np.log(info.smallest_subnormal) - 2, np.log(info.tiny), 2001).astype(dtype)
    got, half = elementwise("exp", x), float(info.smallest_subnormal) / 2 if dtype == "float32" else arb(2) ** -1075
    assert got[0] == 0
    assert (np.diff(got) >= 0).all()
    for number, value in zip(x.tolist(), got.tolist(), strict=True):
        exact = arb(number).exp()
        assert not abs(arb(value) - exact) > half + roundoffs * UNIT_ROUNDOFF[dtype] * exact


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_nothing_is_beyond_the_range(name, dtype):
    x = np.linspace(-50, 50, 100_001).astype(dtype)
    y = elementwise(name, x)
    assert y.max() == 1
    assert y.min() >= (0 if name == "sigmoid" else -1)
    if name == "tanh":
        assert same(elementwise("tanh", -x), -y)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", ["relu", "relu_slope", "clip", "clip_slope"])
def test_kinks_are_the_scalar_rules(rule, dtype):
    """Also at NaN, on the kinks and at the infinities. The sign of a zero does not count."""
    values = [-np.inf, -2.0, -0.5, -0.25, -0.0, 0.0, 1e-300, 0.25, 0.5, 2.0, np.inf, np.nan]
    x, bound = np.array(values, dtype), np.full(len(values), 0.5, dtype)
    scalar = getattr(rules, f"real_{rule}")
    if rule.startswith("clip"):
        assert np.array_equal(
            of_two(rule, x, bound), [scalar(v, b, 1.0) for v, b in zip(x, bound, strict=True)], equal_nan=True
        )
    else:
        assert np.array_equal(elementwise(rule, x), [scalar(v, 1.0) for v in x.tolist()], equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_square_roots_are_rounded_correctly(dtype):
    x = np.abs(samples(dtype))
    assert same(elementwise("sqrt", x), np.sqrt(x))
