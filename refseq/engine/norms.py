"""Sums of squares, and products and bounds of entries, of many arrays on SIMD vectors, shared between threads.

A sum of squares is of double precision: in blocks of fixed size, a block's entries in the lanes of one vector, and the
blocks' sums in a fixed tree. So it is the same for any number of threads, and m blocks of n entries on l lanes make at
most n / l + log2(l) + log2(m) + 2 roundings.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from refseq.arrays import name_of
from refseq.engine import blocks, vector
from refseq.engine.compiling import CFunction
from refseq.engine.entries import entries_of
from refseq.engine.lanes import fold, narrowed_to, scaled, spread, widened
from refseq.engine.memory import loader, storer, word
from refseq.engine.workspace import address
from refseq.primitives import clip, zero

G, TO = range(blocks.FIRST, blocks.FIRST + 2)


@cache
def _function(name: str, dtype: str) -> CFunction:
    """``squares``: lines (entries, g, sums), the sum of (a b x)^2 of every block. ``multiply``: lines (entries, g, to),
    a b x. ``bound``: the same, clip(x, a). The job's own word: where the doubles a, b are."""
    element, size, count = vector.element_of(dtype), np.dtype(dtype).itemsize, vector.lanes(dtype)
    rows, number, put = entries_of(element), loader(types.float64), storer(types.float64)
    narrowed = narrowed_to(element)

    @register_jitable
    def squares(job, line, first, last):
        a, b = number(word(job, blocks.OWN), 0), number(word(job, blocks.OWN), 1)
        for begin in range(first, last, blocks.BLOCK):
            x = rows(word(line, G) + begin * size, min(last - begin, blocks.BLOCK), 0)
            even = odd = zero(widened(x[0]))
            for j in range(0, len(x), 2 * count):
                y = scaled(scaled(widened(x[j]), a), b)
                even = even + y * y
                if j + count < len(x):
                    z = scaled(scaled(widened(x[j + count]), a), b)
                    odd = odd + z * z
            put(word(line, TO), begin // blocks.BLOCK, fold(even + odd))

    @register_jitable
    def multiply(job, line, first, last):
        a, b = number(word(job, blocks.OWN), 0), number(word(job, blocks.OWN), 1)
        x = rows(word(line, G) + first * size, last - first, 0)
        y = rows(word(line, TO) + first * size, last - first, 0)
        for j in range(0, len(x), count):
            y[j] = narrowed(scaled(scaled(widened(x[j]), a), b))

    @register_jitable
    def bound(job, line, first, last):
        limit = spread(element(number(word(job, blocks.OWN), 0)))
        x = rows(word(line, G) + first * size, last - first, 0)
        y = rows(word(line, TO) + first * size, last - first, 0)
        for j in range(0, len(x), count):
            y[j] = clip(x[j], limit)

    bodies = {"squares": squares, "multiply": multiply, "bound": bound}
    return blocks.function_of_blocks(name, bodies[name], dtype, name)


def sum_of_squares(arrays: Sequence[np.ndarray], a: float, b: float) -> float:
    """The sum of (a b x)^2 over all entries x of contiguous arrays of one dtype."""
    counts = [blocks.blocks_of(array.size) for array in arrays]
    sums, scale = np.zeros(sum(counts)), np.array([a, b])
    starts = np.cumsum([0, *counts[:-1]]) * sums.itemsize + address(sums) if counts else ()
    lines = [(array.size, address(array), int(start)) for array, start in zip(arrays, starts, strict=True)]
    blocks.run_blocks(_function("squares", name_of(arrays[0].dtype)), address(scale), lines)
    return _tree(sums)


def _tree(sums: np.ndarray) -> float:
    """The sum of neighbours, of these sums' neighbours, and so on."""
    while len(sums) > 1:
        pairs = len(sums) // 2
        sums = np.concatenate([sums[0 : 2 * pairs : 2] + sums[1 : 2 * pairs : 2], sums[2 * pairs :]])
    return float(sums[0]) if len(sums) else 0.0


def multiply_into(results: Sequence[np.ndarray], arrays: Sequence[np.ndarray], a: float, b: float) -> None:
    """results = (a x) b for the entries x of arrays, in double precision and rounded at the end."""
    _each("multiply", results, arrays, a, b)


def bound_into(results: Sequence[np.ndarray], arrays: Sequence[np.ndarray], limit: float) -> None:
    """results = clip(x, limit); the limit is rounded to the arrays' precision."""
    _each("bound", results, arrays, limit, 0.0)


def _each(name: str, results: Sequence[np.ndarray], arrays: Sequence[np.ndarray], *numbers: float) -> None:
    given = np.array(numbers)
    lines = [(x.size, address(x), address(y)) for x, y in zip(arrays, results, strict=True)]
    blocks.run_blocks(_function(name, name_of(arrays[0].dtype)), address(given), lines)
