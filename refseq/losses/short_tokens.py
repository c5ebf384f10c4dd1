"""Losses that are a sum over few features, on SIMD vectors that span tokens.

A vector takes features of several tokens at once; parameters repeat from token to token, so they are laid out once for
a run of tokens. Then every token adds up its own features, and takes its scale.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numba.core import types

from refseq.arrays import name_of
from refseq.columns import gather
from refseq.engine import threads, vector
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.entries import entries_of
from refseq.engine.memory import matrix_of, word
from refseq.engine.results import result
from refseq.engine.workspace import address
from refseq.kernels import source_key

FEW = 64
"""Features of a token up to which vectors span tokens."""
RUN = 1024
"""Entries of a run of tokens."""
WORTH_A_THREAD = 1 << 15
PARTS, TOKENS, FEATURES, TOGETHER, X, INDEX, Y, W, SCALE, VALUES, LOSSES, DX = range(12)
"""Words of a job: numbers, then addresses. TOGETHER: tokens of a run; VALUES: room for a run, for every part."""


@cache
def _function(element: Callable, parameters: int, dtype: str) -> CFunction:
    """The C function (job, part) of a share of the runs."""
    kind, size, lanes = vector.element_of(dtype), np.dtype(dtype).itemsize, vector.lanes(dtype)
    rows, numbers, integers = entries_of(kind), matrix_of(kind), matrix_of(types.int64)
    order, nothing = tuple(range(parameters)), kind(0)

    def short_losses(job, part):
        count, width, together = word(job, TOKENS), word(job, FEATURES), word(job, TOGETHER)
        index, scale = integers(word(job, INDEX), 1, count)[0], numbers(word(job, SCALE), 1, count)[0]
        tokens, dx = numbers(word(job, LOSSES), 1, count)[0], numbers(word(job, DX), count, width)
        room, parts = word(job, VALUES) + part * together * width * size, word(job, PARTS)
        entries, runs = numbers(room, together, width), -(-count // together)
        for run in range(part * runs // parts, (part + 1) * runs // parts):
            first = run * together
            last, start = min(first + together, count), first * width * size
            length = (last - first) * width
            x, y = rows(word(job, X) + start, length, 0), rows(word(job, Y) + start, length, 0)
            values, slopes = rows(room, length, 0), rows(word(job, DX) + start, length, 0)
            p = rows(word(job, W), length, together * width)
            for j in range(0, length, lanes):
                value, slope = element(x[j], y[j], gather(p, j, order))
                values[j] = value
                slopes[j] = slope
            for n in range(first, last):
                total, counts = nothing, index[n] >= 0
                for k in range(width):
                    total += entries[n - first, k]
                    dx[n, k] = scale[n] * dx[n, k] if counts else nothing
                tokens[n] = total if counts else nothing

    short_losses.__name__ = name = f"short_{element.__name__}"
    key = (source_key(element, _function), name, str(parameters))
    return compiled_c(short_losses, 2, dtype, *key)


def over_short_tokens(
    element: Callable, x: np.ndarray, index: np.ndarray, y: np.ndarray, w: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As ``refseq.losses.tokens.over_tokens``, for a function of one feature."""
    count, width = x.shape
    together = max(RUN // width, 1)
    tokens, dx = result((count,), x.dtype), result(x.shape, x.dtype)
    parts = threads.count() if x.size >= WORTH_A_THREAD else 1
    laid, values = np.ascontiguousarray(np.tile(w, together)), np.empty((parts, together * width), x.dtype)
    places = [address(array) for array in (x, index, y, laid, scale, values, tokens, dx)]
    job = np.array([parts, count, width, together, *places], np.int64)
    threads.share(_function(element, len(w), name_of(x.dtype)), parts, address(job))
    return tokens, dx
