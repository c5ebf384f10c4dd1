"""Connectionist temporal classification of all sequences of a batch, on a target."""

from typing import Any

import numpy as np

from refseq.arrays import few, zeros
from refseq.engine.results import result
from refseq.kernels import on_vectors
from refseq.losses import ctc_vectors
from refseq.losses.ctc_rows import LOGITS, SHARES, build
from refseq.losses.ctc_trellis import KINDS
from refseq.losses.loss import one
from refseq.primitives import constant
from refseq.rowwise import run_rows

FLOOR = {
    np.dtype(name): -(2.0**exponent)
    for exponent, names in ((100, ("float32", "complex64")), (1000, ("float64", "complex128")))
    for name in names
}
"""Logarithms from here on count as that of 0."""
VECTORS = {np.dtype(name): name for name in ("float32", "float64")}
"""Names of what has vectors; numpy takes its time for them."""


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
    counts = counts if active is None else np.where(active, counts, -1)
    floor, name, flat = FLOOR.get(x.dtype), VECTORS.get(x.dtype), x.reshape(steps * rows, classes)
    if name and floor and on_vectors(name, target):
        losses, dx = np.empty(rows, x.dtype), result(flat.shape, x.dtype)
        given = frames, labels, begins, counts, blank, wrt == LOGITS, scale, floor
        possible = ctc_vectors.run(name, flat, *given, losses, dx)
    else:
        losses, dx, sizes = zeros((rows,), like), zeros(flat.shape, like), np.array([rows, steps, blank, wrt == LOGITS])
        given = frames, labels, begins, counts, sizes, scale, floor
        possible = _by_numbers(flat, *given, losses, dx, like, target)
    if infeasible == "inf" and 0 in possible:
        infinite = _infinity(like, possible.index(0))
        for row in np.flatnonzero(np.equal(possible, 0)).tolist():
            losses[row] = infinite
    return losses, dx.reshape(x.shape)


def _by_numbers(
    x: np.ndarray,
    frames: np.ndarray,
    labels: np.ndarray,
    begins: np.ndarray,
    counts: np.ndarray,
    sizes: np.ndarray,
    scale: np.ndarray,
    floor: float | None,
    losses: np.ndarray,
    dx: np.ndarray,
    like: np.ndarray,
    target: str,
) -> list[int]:
    """As ``refseq.losses.ctc_vectors.run``, one number at a time."""
    rows, steps, *_ = sizes.tolist()
    if like.dtype == object and not like.size:  # no frame, and so no number of the field
        return (counts <= 0).astype(int).tolist()
    limits, possible, wide = few((2,), like), np.ones(rows, np.int64), max(counts.tolist(), default=0) + 2
    if floor is not None:
        limits[0], limits[1] = floor, floor / 2
    whole, ints = steps * rows, np.zeros((rows, wide), np.int64)
    room = [(rows, wide), (2 * KINDS * rows, wide), *((whole * factor, wide) for factor in (1, SHARES, KINDS))]
    scratch = [zeros((rows, steps), like), zeros((whole,), like), np.zeros(whole, np.int64), ints]
    scratch += [zeros(shape, like) for shape in room]
    given, made = [x, frames, labels, begins, counts, scale, sizes, limits], [losses, dx, possible]
    work = steps * (x.shape[1] + 50 * wide)
    run_rows(build, (floor is not None,), rows, given, made, scratch, target=target, units=wide, work=work)
    return possible.tolist()


def _infinity(like: np.ndarray, row: int) -> Any:
    """inf in the field of an array."""
    try:
        return constant(one(like), float("inf")) if like.dtype == object else like.dtype.type(np.inf)
    except OverflowError as error:
        message = f"targets: no path spells row {row}, and these numbers have no infinity; take infeasible='zero'"
        raise ValueError(message) from error
