"""The loop over the tokens of a batch, around the loss of one token.

A loss is a function of one token, written once for any lanes:

    build(*options, lanes) -> token_loss(n, kind, x, index, y, smoothing, w, scale, q, tokens, dx)

x, y, dx (N, V): predictions, targets, gradients; index (N,): -1 where a token does not count, else a class, if there
are classes; w (P, V): parameters of the entries; scale, tokens (N,); q: room for a row; kind, smoothing (2,): numbers
that the loss understands. It runs on SIMD vectors, tokens shared between threads; or a number at a time.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from refseq.arrays import name_of, zeros
from refseq.engine import threads, vector
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.entries import entries_of
from refseq.engine.memory import matrix_of, word
from refseq.engine.results import result
from refseq.engine.vector_lanes import vector_lanes
from refseq.engine.workspace import address
from refseq.kernels import compiled, on_vectors, source_key
from refseq.primitives import zero
from refseq.targets import device_for

PARTS, TOKENS, ENTRIES, KIND, WIDE, X, INDEX, Y, SMOOTHING, W, SCALE, Q, LOSSES, DX = range(14)
"""Words of a job: numbers, then addresses. WIDE: entries from one row of W to the next, and of Q."""
WORTH_A_THREAD = 1 << 15
"""Entries below which waking threads costs more than it saves."""


def over_tokens(
    build: Callable,
    options: tuple,
    x: np.ndarray,
    index: np.ndarray,
    y: np.ndarray,
    w: np.ndarray,
    scale: np.ndarray,
    like: np.ndarray,
    kind: int = 0,
    smoothing: np.ndarray | None = None,
    target: str = "cpu",
) -> tuple[np.ndarray, np.ndarray]:
    """The losses of all tokens (N,) before their scale, and the gradients (N, V); 0 where a token does not count."""
    dtype = name_of(x.dtype)
    smoothing = zeros((2,), like) if smoothing is None else smoothing
    device = device_for(target, x.dtype)
    if device is not None:
        return device.over_tokens(build, options, x, index, y, w, scale, kind, smoothing)
    if on_vectors(dtype, target):
        tokens, dx = np.empty(len(x), x.dtype), result(x.shape, x.dtype)
        _share(_vectors(build, options, dtype), kind, x, index, y, smoothing, w, scale, tokens, dx)
        return tokens, dx
    tokens, dx = zeros((len(x),), like), zeros(x.shape, like)
    run = compiled(_loop(build, options), dtype, *_described(build, options))
    run(kind, x, index, y, smoothing, w, scale, zeros((x.shape[1],), like), tokens, dx)
    return tokens, dx


def _described(build: Callable, options: tuple) -> tuple[Callable, ...]:
    """The functions whose packages hold the loss."""
    return build, *(option for option in options if callable(option))


@cache
def _loop(build: Callable, options: tuple) -> Callable:
    """All tokens, a number at a time."""
    token_loss = build(*options)

    @register_jitable
    def token_losses(kind, x, index, y, smoothing, w, scale, q, tokens, dx):
        for n in range(len(index)):
            if index[n] >= 0:
                token_loss(n, kind, x, index, y, smoothing, w, scale, q, tokens, dx)

    token_losses.__qualname__ = token_losses.__name__ = "_".join(
        ["token_losses", *(str(option.__name__ if callable(option) else option) for option in options)]
    )
    return token_losses


@cache
def _vectors(build: Callable, options: tuple, dtype: str) -> CFunction:
    """The C function (job, part) of a share of the tokens."""
    token_loss, name = build(*options, vector_lanes(dtype)), _loop(build, options).__name__
    element, size, lanes = vector.element_of(dtype), np.dtype(dtype).itemsize, vector.lanes(dtype)
    row, spread = vector_lanes(dtype).row, vector_lanes(dtype).spread
    predictions, rows, none = entries_of(element, -np.inf), entries_of(element), element(0)
    numbers, integers = matrix_of(element), matrix_of(types.int64)

    def token_losses(job, part):
        count, width, wide = word(job, TOKENS), word(job, ENTRIES), word(job, WIDE)
        x, dx = predictions(word(job, X), width, width), rows(word(job, DX), width, width)
        y, w = rows(word(job, Y), width, width), rows(word(job, W), width, wide)
        index, smoothing = integers(word(job, INDEX), 1, count)[0], numbers(word(job, SMOOTHING), 1, 2)[0]
        scale, tokens = numbers(word(job, SCALE), 1, count)[0], numbers(word(job, LOSSES), 1, count)[0]
        q, kind = rows(word(job, Q) + part * wide * size, width, wide), word(job, KIND)
        for n in range(part * count // word(job, PARTS), (part + 1) * count // word(job, PARTS)):
            if index[n] >= 0:
                token_loss(n, kind, x, index, y, smoothing, w, scale, q, tokens, dx)
            else:
                tokens[n] = none
                unused, nothing = row(dx, n), zero(spread(none))
                for j in range(0, width, lanes):
                    unused[j] = nothing

    token_losses.__name__ = name
    return compiled_c(token_losses, 2, dtype, source_key(*_described(build, options)), name)


def _share(
    function: CFunction,
    kind: int,
    x: np.ndarray,
    index: np.ndarray,
    y: np.ndarray,
    smoothing: np.ndarray,
    w: np.ndarray,
    scale: np.ndarray,
    tokens: np.ndarray,
    dx: np.ndarray,
) -> None:
    """Fill tokens and dx."""
    (count, width), lanes = x.shape, vector.lanes(x.dtype)
    if not count:
        return
    wide = -(-width // lanes) * lanes
    padded = np.zeros((max(len(w), 1), wide), x.dtype)
    padded[: len(w), :width] = w
    parts = min(threads.count(), count) if x.size >= WORTH_A_THREAD else 1
    q = np.empty((parts, wide), x.dtype)
    places = [address(array) for array in (x, index, y, smoothing, padded, scale, q, tokens, dx)]
    job = np.array([parts, count, width, kind, wide, *places], np.int64)
    threads.share(function, parts, address(job))
