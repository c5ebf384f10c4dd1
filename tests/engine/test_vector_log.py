"""log(1 + x) and log x of vectors: ULP against balls, what is not finite, and the ends of arrays."""

from functools import cache
from pathlib import Path

import numba
import numpy as np
import pytest
from flint import arb
from numba.extending import register_jitable

from refseq.engine import blocks, vector
from refseq.engine.entries import entries_of
from refseq.engine.memory import word
from refseq.engine.workspace import address
from refseq.fields.ball import precision
from refseq.primitives import log, log1p


@cache
def function(dtype, value):
    rows, size, lanes = entries_of(numba.from_dtype(np.dtype(dtype))), np.dtype(dtype).itemsize, vector.lanes(dtype)

    @register_jitable
    def body(job, line, first, last):
        x = rows(word(line, blocks.FIRST) + first * size, last - first, 0)
        y = rows(word(line, blocks.FIRST + 1) + first * size, last - first, 0)
        for j in range(0, len(x), lanes):
            y[j] = value(x[j])

    return blocks.function_of_blocks(f"{value.__name__}_of_entries", body, dtype, Path(__file__).read_text())


def compute(x, value=log1p):
    y = np.full(x.size + 1, 7, x.dtype)
    blocks.run_blocks(function(str(x.dtype), value), 0, [(x.size, address(x), address(y))])
    assert y[-1] == 7  # nothing is written beyond the end
    return y[:-1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ulp(dtype):
    rng = np.random.default_rng(2)
    tiny, top = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
    x = np.concatenate(
        [
            np.exp(rng.uniform(np.log(tiny), np.log(top) - 1, 3000)),
            -np.exp(rng.uniform(np.log(tiny), 0, 2000)),
            rng.uniform(-0.9999, 1, 4000),
            np.linspace(-0.31, -0.27, 500),
            np.linspace(0.4, 0.43, 500),
            [np.finfo(dtype).smallest_subnormal, 1e-40, top],
        ]
    ).astype(dtype)
    x = x[x > -1]
    y = compute(x)
    with precision(200):
        true = [arb(v).log1p() for v in x.tolist()]
        error = np.array([float(abs(arb(v) - t)) for v, t in zip(y.tolist(), true, strict=True)])
    ulp = error / np.spacing(np.maximum(np.abs(y), tiny)).astype(float)
    assert ulp.max() <= 1, x[ulp.argmax()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_edges(dtype):
    x = np.array([0.0, -0.0, np.inf, -1.0, -1.5, -np.inf, np.nan], dtype)
    y = compute(x)
    np.testing.assert_array_equal(y, np.array([0, 0, np.inf, -np.inf, np.nan, np.nan, np.nan], dtype))
    for n in range(1, 2 * vector.lanes(dtype) + 2):
        np.testing.assert_array_equal(compute(np.full(n, 1.0, dtype)), compute(np.ones(1, dtype))[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log(dtype):
    """Of every size, numbers below the normal range among them; near 1, where it is small; and at the edges."""
    rng, info = np.random.default_rng(3), np.finfo(dtype)
    least, top = float(info.smallest_subnormal), float(info.max)
    sizes = np.exp(rng.uniform(np.log(least), np.log(top) - 1, 4000))
    x = np.concatenate([sizes, rng.uniform(0.5, 2, 4000), [least, top]]).astype(dtype)
    x = x[x > 0]
    y = compute(x, log)
    with precision(200):
        true = [arb(v).log() for v in x.tolist()]
        error = np.array([float(abs(arb(v) - t)) for v, t in zip(y.tolist(), true, strict=True)])
    ulp = error / np.spacing(np.maximum(np.abs(y), float(info.tiny))).astype(float)
    assert ulp.max() <= 1, x[ulp.argmax()]
    edges = np.array([1.0, 0.0, -0.0, np.inf, -1.0, -np.inf, np.nan], dtype)
    want = np.array([0, -np.inf, -np.inf, np.inf, np.nan, np.nan, np.nan], dtype)
    np.testing.assert_array_equal(compute(edges, log), want)
