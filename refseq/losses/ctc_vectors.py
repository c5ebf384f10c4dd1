"""Connectionist temporal classification on SIMD vectors of states and classes, sequences shared between threads."""

from functools import cache

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from refseq.engine import lanes, threads, vector
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.entries import entries_of
from refseq.engine.memory import word
from refseq.engine.plain import plain_of
from refseq.engine.vector_lanes import vector_lanes
from refseq.engine.workspace import Buffer, address, give, take
from refseq.kernels import source_key
from refseq.losses.ctc_rows import SHARES, build_in_room
from refseq.losses.ctc_trellis import KINDS, Trellis
from refseq.primitives import larger, zero
from refseq.team import ALONE

PARTS, ROWS, STEPS, CLASSES, WIDE, TABLE, SIZES, LIMITS, ROOM = range(9)
GIVEN = ROOM + 9
"""Words of a job: numbers, WIDE entries from one row of states to the next; then addresses, from ROOM on of scratch."""
WORTH_A_THREAD = 1 << 12
"""States and classes of all frames below which waking threads costs more than it saves."""
PARTS_PER_THREAD = 2
"""Sequences may be unequally long: who is early takes another part. Every part has scratch of its own."""


@cache
def trellis_of(dtype: str) -> Trellis:
    """On vectors of this precision. What absent states have is a logarithm that is as good as -inf, and a share and a
    posterior of 0; a row of states has room for a vector that begins one entry after the last state."""
    own, lowest = vector_lanes(dtype), vector.element_of(dtype)(-np.inf)
    step, spread = own.step, own.spread

    @register_jitable
    def present(condition):
        return True

    @register_jitable
    def lowered(x, bias, j):
        return x + bias[j]

    @register_jitable
    def line(need, room):
        return need

    @register_jitable
    def clear(row, x):
        for j in range(0, len(row), step()):
            row[j] = spread(x)

    @register_jitable
    def close(row, j):
        row[j] = zero(row[j])

    @register_jitable
    def largest(blanks, labels, need, count, t, n):
        most = spread(lowest)
        for j in range(0, count + 1, step()):
            most = larger(blanks[j], larger(labels[j], most))
        return lanes.largest_entry(most)

    return Trellis(own, present, lowered, line, clear, close, largest)


@cache
def _function(dtype: str) -> CFunction:
    """The C function (job, part) of a share of the sequences."""
    of_row = build_in_room(True, ALONE, trellis_of(dtype))
    element = vector.element_of(dtype)
    classes, rows = entries_of(element, -np.inf), entries_of(element)
    numbers, integers = plain_of(element), plain_of(types.int64)

    def sequences(job, part):
        batch, steps, width, wide = word(job, ROWS), word(job, STEPS), word(job, CLASSES), word(job, WIDE)
        x, dx = classes(word(job, GIVEN), width, width), rows(word(job, GIVEN + 1), width, width)
        labels, scale, losses = (
            integers(word(job, GIVEN + 2)),
            numbers(word(job, GIVEN + 3)),
            numbers(word(job, GIVEN + 4)),
        )
        table, sizes, limits = word(job, TABLE), integers(word(job, SIZES)), numbers(word(job, LIMITS))
        frames, begins = integers(table), integers(table + 8 * batch)
        counts, possible = integers(table + 16 * batch), integers(table + 24 * batch)
        pivots, rests = integers(word(job, ROOM)), rows(word(job, ROOM + 1), steps, steps)
        shares, need = numbers(word(job, ROOM + 2)), integers(word(job, ROOM + 3) + 8 * part * wide)
        bias, alphas = rows(word(job, ROOM + 4), wide, wide), rows(word(job, ROOM + 5), wide, wide)
        emissions, weights = rows(word(job, ROOM + 6), wide, wide), rows(word(job, ROOM + 7), wide, wide)
        posterior = rows(word(job, ROOM + 8), wide, wide)
        for b in range(part * batch // word(job, PARTS), (part + 1) * batch // word(job, PARTS)):
            of_row(
                b, part, x, frames, labels, begins, counts, scale, sizes, limits, losses, dx, possible,
                rests, shares, pivots, need, bias, alphas, emissions, weights, posterior,
            )  # fmt: skip

    sequences.__name__ = "ctc_sequences"
    return compiled_c(sequences, 2, dtype, source_key(build_in_room))


class _Job:
    """What a call needs but its arrays, for a precision and sizes: it waits for the next call of these."""

    def __init__(self, dtype: str, steps: int, batch: int, classes: int, wide: int, parts: int, floor: float) -> None:
        size = np.dtype(dtype).itemsize
        frames, row = steps * batch, parts * wide * size
        counts = [8 * frames, parts * steps * size, size * frames, 8 * parts * wide, row, row * 2 * KINDS]
        counts += [row * steps * factor for factor in (1, SHARES, KINDS)]
        counts = [-(-count // 64) * 64 for count in counts]
        self.bytes = sum(counts)
        self.room = Buffer(self.bytes)
        self.table, self.sizes = np.empty((4, batch), np.int64), np.array([batch, steps, 0, 0])
        self.limits = np.array([floor, floor / 2], dtype)
        own = [address(array) for array in (self.table, self.sizes, self.limits)]
        places = [self.room.address + sum(counts[:k]) for k in range(len(counts))]
        self.words = np.array([parts, batch, steps, classes, wide, *own, *places, 0, 0, 0, 0, 0], np.int64)
        self.parts, self.where, self.run = parts, address(self.words), _function(dtype)


def run(
    dtype: str,
    x: np.ndarray,
    frames: np.ndarray,
    labels: np.ndarray,
    begins: np.ndarray,
    counts: np.ndarray,
    blank: int,
    softened: bool,
    scale: np.ndarray,
    floor: float,
    losses: np.ndarray,
    dx: np.ndarray,
) -> list[int]:
    """Fill losses (B,) and dx (T B, C), contiguous as x is; 0 for the rows that no path spells. See
    ``refseq.losses.ctc_rows.build``."""
    batch, (together, classes) = len(scale), x.shape
    if not batch:
        return []
    steps, longest, width = together // batch, max(counts.tolist()), vector.lanes(dtype)
    wide = -(-(longest + 2) // width) * width + 2 * width
    share = threads.count() if together * (longest + classes) >= WORTH_A_THREAD else 1
    parts = min(batch, share * PARTS_PER_THREAD if share > 1 else 1)
    key = ("ctc", dtype, steps, batch, classes, wide, parts)
    job = take(key) or _Job(*key[1:], floor)
    table = job.table
    table[0], table[1], table[2] = frames, begins, counts
    job.sizes[2], job.sizes[3] = blank, softened
    job.words[GIVEN:] = [address(array) for array in (x, dx, labels, scale, losses)]
    threads.share(job.run, job.parts, job.where)
    possible = table[3].tolist()
    give(key, job, job.bytes)
    return possible
