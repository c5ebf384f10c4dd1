"""The products of a time loop by threads of their own, each with ``terms`` weights in registers.

For each pair and each entry of its result ``slices`` threads share the sum:

    thread = (pair * slices + slice) * units + entry

A sum is a chain of multiply-adds in the arrays' precision, for all rows of the group side by side.
"""

from collections.abc import Callable

import numpy as np
from numba.extending import register_jitable

from cuda_kernels import columns
from cuda_kernels.columns import Launch, Pair, Share
from cuda_kernels.gpu import thread
from cuda_kernels.opaque import here
from refseq.cell import Cell
from refseq.team import chain


def weights(found: list[list[Pair]], launch: Launch) -> int:
    """Weights of a thread, of all stages."""
    return launch.share.terms * sum(map(bool, found))


def sums(launch: Launch) -> int:
    """Sums of a thread."""
    return launch.rows


def full(vectors: int, launch: Launch) -> tuple[int, int, int, int]:
    """The shape of what is multiplied, in shared memory."""
    return vectors, launch.slices, launch.rows, launch.share.terms


def part_width(launch: Launch) -> int:
    """Numbers of a row of ``parts``."""
    return launch.share.units


def build_clear(vectors: int, launch: Launch, none: np.floating) -> Callable:
    """clear(full): nothing, as all that is read has been written."""

    @register_jitable
    def clear(full):
        pass

    return clear


def build_load(found: list[list[Pair]], launch: Launch, none: np.floating) -> Callable:
    """load(w, M, d, first): the weights of this thread, of all stages.

    M: matrices (D, K, G, H), backward transposed, (D, H, G, K): neighbouring threads read neighbours in both.
    """
    share, loads = launch.share, []
    for number, stage in enumerate(found):
        before = weights(found[:number], launch)
        loads += [
            _load(position, pair, begin, count, before + begin, share)
            for position, pair in enumerate(stage)
            for begin, count in _chunks(share.terms)
        ]
    return chain("w, M, d, first", loads)


def _load(position: int, pair: Pair, begin: int, count: int, place: int, share: Share) -> Callable:
    matrix, gate, units, slices, terms = pair.matrix, pair.gate, share.units, share.slices, share.terms

    @register_jitable
    def load(w, M, d, first):
        me = here(thread())
        q = me // units // slices
        if q == position:
            k, u = np.uint64((me // units - q * slices) * terms + begin), np.uint64(first + me % units)
            for e in range(count):
                w[place + e] = M[matrix][d, k + np.uint64(e), gate, u]

    return load


def build_forward(cell: Cell, number: int, launch: Launch, none: np.floating) -> Callable:
    """multiply(d, b0, t, n, first, bias, lengths, states, tape, a, full, parts, w, sums): the sums of a stage's pairs,
    begun with what was taken ahead or with their bias, to parts (pairs, slices, rows, units)."""
    share, found = launch.share, columns.pairs(cell, number)
    units, rows, slices, count = share.units, share.rows, share.slices, len(found)
    earlier = [columns.pairs(cell, k) for k in range(number)]
    add = _build_sums(weights(earlier, launch), share)
    ahead, biases = columns.starts(cell, number, found)
    vector, slot = columns.table([pair.vector for pair in found]), columns.table(ahead)
    base = columns.build_base(biases, none)

    @register_jitable
    def multiply(d, b0, t, n, first, bias, lengths, states, tape, a, full, parts, w, sums):
        u, q = thread() % units, thread() // units // slices
        part = thread() // units - q * slices
        if q < count:
            begin = base(bias, d, q, first + u) if part == 0 else none
            start = slot(q) if part == 0 else -1
            for r in range(rows):
                sums[r] = begin
                if start >= 0 and b0 + r < lengths.shape[0] and t < lengths[b0 + r]:
                    sums[r] = a[d, n * lengths.shape[0] + b0 + r, start, first + u]
            add(w, full[vector(q), part], sums)
            for r in range(rows):
                parts[q, part, r, u] = sums[r]

    return multiply


def build_backward(cell: Cell, number: int, launch: Launch, none: np.floating) -> Callable:
    """multiply(d, b0, n, lengths, da, full, parts, w, sums): the sums of a stage's pairs of the adjoint."""
    share, found = launch.share, columns.pairs_back(cell, number)
    units, rows, slices, count = share.units, share.rows, share.slices, len(found)
    earlier = [columns.pairs_back(cell, k) for k in range(number)]
    add, vector = _build_sums(weights(earlier, launch), share), columns.table([pair.vector for pair in found])

    @register_jitable
    def multiply(d, b0, n, lengths, da, full, parts, w, sums):
        u, q = thread() % units, thread() // units // slices
        part = thread() // units - q * slices
        if q < count:
            for r in range(rows):
                sums[r] = none
            add(w, full[vector(q), part], sums)
            for r in range(rows):
                parts[q, part, r, u] = sums[r]

    return multiply


def _build_sums(first: int, share: Share) -> Callable:
    """sums(w, vector, sums): add to the sums of all rows (rows,) their terms of this thread; vector (rows, terms)."""
    return chain("w, vector, sums", [_sums(first, begin, count, share.rows) for begin, count in _chunks(share.terms)])


def _sums(first: int, begin: int, count: int, rows: int) -> Callable:
    place = first + begin

    @register_jitable
    def add(w, vector, sums):
        for e in range(count):
            for r in range(rows):
                sums[r] = sums[r] + w[place + e] * vector[r, begin + e]

    return add


CHUNK = 32
"""Terms of a loop: longer ones are not unrolled, and weights that a counter chooses are not in registers."""


def _chunks(terms: int) -> list[tuple[int, int]]:
    """(first term, how many)."""
    return [(begin, min(CHUNK, terms - begin)) for begin in range(0, terms, CHUNK)]
