"""The products of a time loop by tensor cores (``tensor_cores``), with the weights as fragments in registers
(``fragments``).

The vector is float32, and a warp rounds it as it reads it: in shared memory; or, where blocks share the units and warps
the sums (``columns.Launch.direct``), in the arrays where the blocks have written it, because such a vector is long, and
hardly read twice. Sums are float32; those of slices are added behind one another, by ``columns.build_total``. What lies
behind the last unit is 0 in W and in the vector, and its results are not stored. Columns of a product do not meet, so
that a row has the same bits beside any others.
"""

import sys
from collections.abc import Callable, Sequence
from types import ModuleType

import numpy as np
from numba.extending import register_jitable

from cuda_kernels import columns, scalar_products, tensor_cores
from cuda_kernels.columns import Launch, Pair
from cuda_kernels.fragments import REGISTERS, build_load, build_place, span, sums, turns, weights
from cuda_kernels.gpu import barrier, thread
from cuda_kernels.tensor_cores import NEIGHBOURS, ROWS
from refseq.cell import Cell
from refseq.team import chain

__all__ = ["build_backward", "build_clear", "build_forward", "build_load", "full", "part_width", "sums", "weights"]

SKEW = 4
"""Further numbers of a row in shared memory: the threads of a warp then read, or write, different banks."""


def products_of(launch: Launch) -> ModuleType:
    """Who takes the products of a launch: this module or ``scalar_products``, which has the same functions."""
    return sys.modules[__name__] if launch.precision else scalar_products


def full(vectors: int, launch: Launch) -> tuple[int, int, int, int]:
    """The shape of what is multiplied, in shared memory: all slices behind one another."""
    return (1, 1, 1, 1) if launch.direct else (vectors, 1, launch.rows, launch.slices * span(launch) + SKEW)


def part_width(launch: Launch) -> int:
    """Numbers of a row of ``parts``."""
    return -(-launch.share.units // ROWS) * ROWS + SKEW


def build_clear(vectors: int, launch: Launch, none: np.floating) -> Callable:
    """clear(full): all of it 0, then all wait."""
    (many, _, rows, wide), threads = full(vectors, launch), launch.threads

    @register_jitable
    def clear(full):
        k = thread()
        while k < wide:
            for v in range(many):
                for r in range(rows):
                    full[v, 0, r, k] = none
            k += threads
        barrier()

    return clear


def _operand(launch: Launch) -> Callable:
    """operand(x, d, n, r, v, k): a register of operands of vector v in row r from k on; of ``full``, or direct."""
    pack, one_more = tensor_cores.pack[str(launch.precision)], np.uint64(1)

    @register_jitable
    def shared(x, d, n, r, v, k):
        return x[v, 0, r, k]

    @register_jitable
    def direct(x, d, n, r, v, k):
        return x[d, n, r, v, k]

    entry = direct if launch.direct else shared

    @register_jitable
    def one(x, d, n, r, v, k):
        return pack(entry(x, d, n, r, v, k))

    @register_jitable
    def two(x, d, n, r, v, k):
        return pack(entry(x, d, n, r, v, k), entry(x, d, n, r, v, k + one_more))

    return one if NEIGHBOURS[str(launch.precision)] == 1 else two


def _build_sums(first: int, launch: Launch) -> Callable:
    """add(w, x, d, n, r, v, k, sums): to the sums of all tiles (4 of each) the terms of a slice, for this thread from
    k on."""
    adders = [_sums(first, turn, launch, _operand(launch)) for turn in range(turns(launch))]
    return chain("w, x, d, n, r, v, k, sums", adders)


def _sums(first: int, turn: int, launch: Launch, operand: Callable) -> Callable:
    precision, tiles, each = str(launch.precision), launch.tiles, REGISTERS * turns(launch)
    neighbours, place = NEIGHBOURS[precision], first + REGISTERS * turn
    multiply, begin = tensor_cores.multiply[precision], tensor_cores.depth(precision) * turn
    low, high = (np.uint64(begin + i) for i in (0, 4 * neighbours))  # see ``opaque``

    @register_jitable
    def add(w, x, d, n, r, v, k, sums):
        b = operand(x, d, n, r, v, k + low), operand(x, d, n, r, v, k + high)
        for tile in range(tiles):
            i, o = place + tile * each, REGISTERS * tile
            made = multiply((w[i], w[i + 1], w[i + 2], w[i + 3]), b, (sums[o], sums[o + 1], sums[o + 2], sums[o + 3]))
            for e in range(REGISTERS):
                sums[o + e] = made[e]

    return add


Source = tuple[int, int, bool]
"""Where the blocks have written a vector: its row, of the step itself or of the next one (1), whether in ``tape``."""


def _build_terms(found: list[Pair], sources: Sequence[Source], first: int, launch: Launch) -> Callable:
    """terms(d, b0, n, lengths, x, tape, full, w, sums, q, part, g, s): to the sums the terms of a slice of pair q."""
    add, terms, neighbours = _build_sums(first, launch), span(launch), NEIGHBOURS[str(launch.precision)]
    vector = columns.table([pair.vector for pair in found])
    row, shift, taped = (columns.table([int(source[i]) for source in sources]) for i in range(3))

    @register_jitable
    def shared(d, b0, n, lengths, x, tape, full, w, sums, q, part, g, s):
        add(w, full, 0, 0, g, vector(q), np.uint64(part * terms + neighbours * s), sums)

    @register_jitable
    def direct(d, b0, n, lengths, x, tape, full, w, sums, q, part, g, s):
        there = tape if taped(q) else x
        b = min(b0 + g, lengths.shape[0] - 1)  # a row that is not there is another's, and its results are not read
        add(w, there, d, n + shift(q), b, row(q), np.uint64(part * terms + neighbours * s), sums)

    return direct if launch.direct else shared


def _build_store(launch: Launch) -> Callable:
    """store(parts, sums, q, part, strip, g, s): the sums of this thread to where all see them."""
    tiles, units = launch.tiles, launch.share.units

    @register_jitable
    def store(parts, sums, q, part, strip, g, s):
        for tile in range(tiles):
            for e in range(REGISTERS):
                u = (strip * tiles + tile) * ROWS + g + 8 * (e // 2)
                if u < units:
                    parts[q, part, 2 * s + e % 2, u] = sums[REGISTERS * tile + e]

    return store


def build_forward(cell: Cell, number: int, launch: Launch, none: np.floating) -> Callable:
    """multiply(d, b0, t, n, first, bias, lengths, states, tape, a, full, parts, w, sums), see ``scalar_products``."""
    found = columns.pairs(cell, number)
    before = weights([columns.pairs(cell, k) for k in range(number)], launch)
    sources = [(pair.place.row, int(pair.place.kind == "new"), pair.place.kind == "tape") for pair in found]
    add, place = _build_terms(found, sources, before, launch), build_place(launch)
    ahead, biases = columns.starts(cell, number, found)
    slot, base, count, store = columns.table(ahead), columns.build_base(biases, none), len(found), _build_store(launch)
    tiles, units = launch.tiles, launch.share.units

    @register_jitable
    def multiply(d, b0, t, n, first, bias, lengths, states, tape, a, full, parts, w, sums):
        q, part, strip, g, s = place(thread())
        if q < count:
            for tile in range(tiles):
                for e in range(REGISTERS):
                    u = (strip * tiles + tile) * ROWS + g + 8 * (e // 2)
                    b, o = b0 + 2 * s + e % 2, REGISTERS * tile + e
                    sums[o] = none
                    if u < units and part == 0:
                        sums[o] = base(bias, d, q, first + u)
                        if slot(q) >= 0 and b < lengths.shape[0] and t < lengths[b]:
                            sums[o] = a[d, n * lengths.shape[0] + b, slot(q), first + u]
            add(d, b0, n, lengths, states, tape, full, w, sums, q, part, g, s)
            store(parts, sums, q, part, strip, g, s)

    return multiply


def build_backward(cell: Cell, number: int, launch: Launch, none: np.floating) -> Callable:
    """multiply(d, b0, n, lengths, da, full, parts, w, sums), see ``scalar_products``."""
    found = columns.pairs_back(cell, number)
    before = weights([columns.pairs_back(cell, k) for k in range(number)], launch)
    sources = [(pair.vector, 0, False) for pair in found]
    add, place = _build_terms(found, sources, before, launch), build_place(launch)
    count, store, every = len(found), _build_store(launch), sums(launch)

    @register_jitable
    def multiply(d, b0, n, lengths, da, full, parts, w, sums):
        q, part, strip, g, s = place(thread())
        if q < count:
            for e in range(every):
                sums[e] = none
            add(d, b0, n, lengths, da, da, full, w, sums, q, part, g, s)
            store(parts, sums, q, part, strip, g, s)

    return multiply
