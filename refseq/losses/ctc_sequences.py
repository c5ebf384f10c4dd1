"""Connectionist temporal classification of all sequences of a batch, on a target."""

from typing import Any

import numpy as np

from refseq.arrays import zeros
from refseq.engine.results import result
from refseq.kernels import on_vectors
from refseq.losses import ctc_vectors
from refseq.losses.ctc_rows import KINDS, LOGITS, SHARES, build
from refseq.losses.loss import one
from refseq.primitives import constant
from refseq.rowwise import run_rows

FLOOR = {
    np.dtype(name): -(2.0**exponent)
    for exponent, names in ((100, ("float32", "complex64")), (1000, ("float64", "complex128")))
    for name in names
}
"""Logarithms from here on count as that of 0."""


def sequences(
    wrt: str,
    x: np.ndarray,
    frames: np.ndarray,
    labels: np.ndarray,
    begins: np.ndarray,
    counts: np.ndarray,
    blank: int,
    scale: np.ndarray,
    like: np.ndarray,
    infeasible: str,
    active: np.ndarray | None,
    target: str,
) -> tuple[np.ndarray, np.ndarray]:
    """The loss of every sequence (B,), and the gradient of the sum of scale * loss (T, B, C); arguments as they come
    from those of ``ctc_of_logits``. A scale may be any number of the field of x."""
    steps, rows, classes = x.shape
    longest = int(counts.max(initial=0))
    table = np.empty((4, rows), np.int64)
    table[0], table[1], table[2], table[3] = (
        frames,
        begins,
        counts if active is None else np.where(active, counts, -1),
        1,
    )
    sizes, floor = np.array([rows, steps, blank, wrt == LOGITS]), FLOOR.get(x.dtype)
    limits = zeros((2,), like)
    if floor is not None:
        limits[0], limits[1] = floor, floor / 2
    flat = x.reshape(steps * rows, classes)
    if on_vectors(str(x.dtype), target):
        losses, dx = np.empty(rows, x.dtype), result(flat.shape, x.dtype)
        ctc_vectors.run(flat, labels, table, sizes, scale, limits, longest, losses, dx)
    else:
        losses, dx = zeros((rows,), like), zeros(flat.shape, like)
        _by_numbers(flat, table, labels, sizes, scale, limits, longest, losses, dx, like, floor is not None, target)
    impossible = table[3] == 0
    if infeasible == "inf" and impossible.any():
        losses[impossible] = _infinity(like, int(np.argmax(impossible)))
    return losses, dx.reshape(x.shape)


def _by_numbers(
    x: np.ndarray,
    table: np.ndarray,
    labels: np.ndarray,
    sizes: np.ndarray,
    scale: np.ndarray,
    limits: np.ndarray,
    longest: int,
    losses: np.ndarray,
    dx: np.ndarray,
    like: np.ndarray,
    floored: bool,
    target: str,
) -> None:
    """One number at a time: fill losses, dx and the last row of the table. (``refseq.losses.ctc_vectors.run``)"""
    rows, steps, *_ = sizes.tolist()
    if like.dtype == object and not like.size:  # no frame, and so no number of the field
        table[3] = table[2] <= 0
        return
    wide = longest + 2
    frames, ints = steps * rows, np.zeros((rows, wide), np.int64)
    room = [(rows, wide), (2 * KINDS * rows, wide), *((frames * factor, wide) for factor in (1, SHARES, KINDS))]
    scratch = [zeros((frames,), like), zeros((frames,), like), np.zeros(frames, np.int64), ints]
    scratch += [zeros(shape, like) for shape in room]
    given, made = [x, table[0], labels, table[1], table[2], scale, sizes, limits], [losses, dx, table[3]]
    work = steps * (x.shape[1] + 50 * longest)
    run_rows(build, (floored,), rows, given, made, scratch, target=target, units=wide, work=work)


def _infinity(like: np.ndarray, row: int) -> Any:
    """inf in the field of an array."""
    try:
        return constant(one(like), float("inf")) if like.dtype == object else like.dtype.type(np.inf)
    except OverflowError as error:
        message = f"targets: no path spells row {row}, and these numbers have no infinity; take infeasible='zero'"
        raise ValueError(message) from error
