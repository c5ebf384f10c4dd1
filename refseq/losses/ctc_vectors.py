"""Connectionist temporal classification on SIMD vectors of states and classes, sequences shared between threads."""

from functools import cache

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from refseq.engine import lanes, threads, vector
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.entries import entries_of
from refseq.engine.memory import matrix_of, word
from refseq.engine.vector_lanes import vector_lanes
from refseq.engine.workspace import Buffer, address
from refseq.kernels import source_key
from refseq.losses.ctc_rows import KINDS, SHARES, build_in_room
from refseq.losses.ctc_trellis import Trellis
from refseq.primitives import larger
from refseq.team import ALONE

PARTS, ROWS, STEPS, CLASSES, WIDE, LABELS, FIRST = range(7)
"""Words of a job: numbers, WIDE entries from one row of states to the next and LABELS of all; then addresses."""
WORTH_A_THREAD = 1 << 12
"""States and classes of all frames below which waking threads costs more than it saves."""
PARTS_PER_THREAD = 2
"""Sequences may be unequally long: who is early takes another part. Every part has scratch of its own."""


@cache
def trellis_of(dtype: str) -> Trellis:
    """On vectors of this precision. An absent state has the logarithm with which the rows are filled."""
    own, lowest = vector_lanes(dtype), vector.element_of(dtype)(-np.inf)
    step, spread = own.step, own.spread

    @register_jitable
    def present(condition):
        return True

    @register_jitable
    def lowered(x, bias, j):
        return x + bias[j]

    @register_jitable
    def clear(row, x):
        for j in range(0, len(row), step()):
            row[j] = spread(x)

    @register_jitable
    def largest(blanks, labels, need, count, t, n):
        most = spread(lowest)
        for j in range(0, len(blanks), step()):
            most = larger(blanks[j], larger(labels[j], most))
        return lanes.largest_entry(most)

    return Trellis(own, present, lowered, clear, largest)


@cache
def _function(dtype: str, floor: float) -> CFunction:
    """The C function (job, part) of a share of the sequences."""
    of_row = build_in_room(True, ALONE, trellis_of(dtype))
    element = vector.element_of(dtype)
    classes, rows, states = entries_of(element, -np.inf), entries_of(element), entries_of(element, floor)
    numbers, integers = matrix_of(element), matrix_of(types.int64)

    def sequences(job, part):
        batch, width, wide = word(job, ROWS), word(job, CLASSES), word(job, WIDE)
        parts, frames = word(job, PARTS), word(job, ROWS) * word(job, STEPS)
        x, dx = classes(word(job, FIRST), width, width), rows(word(job, FIRST + 1), width, width)
        labels = integers(word(job, FIRST + 2), 1, word(job, LABELS))[0]
        table, sizes = integers(word(job, FIRST + 3), 4, batch), integers(word(job, FIRST + 4), 1, 4)[0]
        scale, losses = numbers(word(job, FIRST + 5), 1, batch)[0], numbers(word(job, FIRST + 6), 1, batch)[0]
        limits, pivots = numbers(word(job, FIRST + 7), 1, 2)[0], integers(word(job, FIRST + 8), 1, frames)[0]
        logs, shares = numbers(word(job, FIRST + 9), 1, frames)[0], numbers(word(job, FIRST + 10), 1, frames)[0]
        need = integers(word(job, FIRST + 11), parts, wide)
        for b in range(part * batch // parts, (part + 1) * batch // parts):
            count = max(table[2, b], 0) + 1
            bias, alphas = states(word(job, FIRST + 12), count, wide), states(word(job, FIRST + 13), count, wide)
            emissions, weights = states(word(job, FIRST + 14), count, wide), rows(word(job, FIRST + 15), count, wide)
            posterior = rows(word(job, FIRST + 16), count, wide)
            of_row(
                b, part, x, table[0], labels, table[1], table[2], scale, sizes, limits, losses, dx, table[3],
                logs, shares, pivots, need, bias, alphas, emissions, weights, posterior,
            )  # fmt: skip

    sequences.__name__ = "ctc_sequences"
    return compiled_c(sequences, 2, dtype, source_key(build_in_room), str(floor))


def run(
    x: np.ndarray,
    labels: np.ndarray,
    table: np.ndarray,
    sizes: np.ndarray,
    scale: np.ndarray,
    limits: np.ndarray,
    longest: int,
    losses: np.ndarray,
    dx: np.ndarray,
) -> None:
    """Fill losses (B,), dx (T B, C) and the last row of ``table`` (4, B): frames, begins, counts, possible (see
    ``refseq.losses.ctc_rows.build``). x and dx are contiguous; longest: labels of the longest target."""
    batch, steps, *_ = sizes.tolist()
    if not batch:
        return
    size, width = x.dtype.itemsize, vector.lanes(x.dtype)
    wide, states = -(-(longest + 2) // width) * width, steps * batch * (longest + x.shape[1])
    share = threads.count() if states >= WORTH_A_THREAD else 1
    parts = min(batch, share * PARTS_PER_THREAD if share > 1 else 1)
    frames, row = -(-steps * batch // 8) * 64, parts * wide * size
    counts = [frames, frames, frames, parts * wide * 8, row, row * 2 * KINDS]
    counts += [row * steps * factor for factor in (1, SHARES, KINDS)]
    room = Buffer(sum(counts) + 64 * len(counts))
    places, end = [], room.address
    for count in counts:
        places.append(end)
        end += -(-count // 64) * 64
    arrays = (x, dx, labels, table, sizes, scale, losses, limits)
    job = np.array(
        [parts, batch, steps, x.shape[1], wide, labels.size, *(address(array) for array in arrays), *places], np.int64
    )
    threads.share(_function(str(x.dtype), float(limits[0])), parts, address(job))
