"""The products of a time loop by tensor cores (``tensor_cores``), with the weights as fragments in registers.

A warp has one pair, and of its result ``tiles`` tiles of 16 entries, for the 8 rows of a group, which are the columns
of an instruction:

    warp = pair * strips + strip            result[16 entries, 8 rows] += W[16 entries, K] vector[8 rows, K]'

The weights are rounded once, when they are loaded; the vector, which is float32 in shared memory, as a warp reads it.
Sums are float32. What lies behind the last unit is 0 in W and in the vector, and its results are not stored. Columns of
a product do not meet, so that a row has the same bits beside any others.
"""

import sys
from collections.abc import Callable
from types import ModuleType

import numpy as np
from numba.extending import register_jitable

from cuda_kernels import columns, scalar_products, tensor_cores
from cuda_kernels.columns import Launch, Pair
from cuda_kernels.gpu import barrier, thread
from cuda_kernels.simulated_waits import WARP
from cuda_kernels.tensor_cores import NEIGHBOURS, ROWS
from refseq.cell import Cell
from refseq.team import chain

REGISTERS = 4
"""Of a fragment of weights, and numbers of one of results."""

SKEW = 4
"""Further numbers of a row in shared memory: the threads of a warp then read, or write, different banks."""


def products_of(launch: Launch) -> ModuleType:
    """Who takes the products of a launch: this module or ``scalar_products``, which has the same functions."""
    return sys.modules[__name__] if launch.precision else scalar_products


def strips(launch: Launch) -> int:
    """Warps that share a pair."""
    return -(-launch.share.units // (ROWS * launch.tiles))


def turns(launch: Launch) -> int:
    """Instructions of a tile, along k."""
    return -(-launch.units // tensor_cores.depth(str(launch.precision)))


def width(launch: Launch) -> int:
    """Numbers of a row of ``full`` in shared memory."""
    return turns(launch) * tensor_cores.depth(str(launch.precision)) + SKEW


def part_width(launch: Launch) -> int:
    """Numbers of a row of ``parts``."""
    return -(-launch.share.units // ROWS) * ROWS + SKEW


def weights(found: list[list[Pair]], launch: Launch) -> int:
    """Registers of a thread with weights, of all stages."""
    return REGISTERS * launch.tiles * turns(launch) * sum(map(bool, found))


def sums(launch: Launch) -> int:
    """Sums of a thread."""
    return REGISTERS * launch.tiles


def build_clear(vectors: int, launch: Launch, none: np.floating) -> Callable:
    """clear(full): all of it 0, then all wait."""
    wide, rows, threads = width(launch), launch.rows, launch.threads

    @register_jitable
    def clear(full):
        k = thread()
        while k < wide:
            for v in range(vectors):
                for r in range(rows):
                    full[v, 0, r, k] = none
            k += threads
        barrier()

    return clear


def _operand(precision: str) -> Callable:
    """operand(vector, r, k): a register of the operands of row r from k on."""
    pack = tensor_cores.pack[precision]

    @register_jitable
    def one(vector, r, k):
        return pack(vector[r, k])

    @register_jitable
    def two(vector, r, k):
        return pack(vector[r, k], vector[r, k + 1])

    return one if NEIGHBOURS[precision] == 1 else two


def _weight(matrix: int, launch: Launch, none: np.floating) -> Callable:
    """weight(M, d, gate, k, j, inside): a register of weights of entry j from k on; 0 if it is not ``inside``."""
    pack, wide = tensor_cores.pack[str(launch.precision)], launch.units

    @register_jitable
    def entry(M, d, gate, k, j, inside):
        return M[matrix][d, k, gate, j] if inside and k < wide else none

    @register_jitable
    def one(M, d, gate, k, j, inside):
        return pack(entry(M, d, gate, k, j, inside))

    @register_jitable
    def two(M, d, gate, k, j, inside):
        return pack(entry(M, d, gate, k, j, inside), entry(M, d, gate, k + 1, j, inside))

    return one if NEIGHBOURS[str(launch.precision)] == 1 else two


def build_load(found: list[list[Pair]], launch: Launch, none: np.floating) -> Callable:
    """load(w, M, d, first): the fragments of this thread, of all stages; M as ``scalar_products.build_load`` has it."""
    loads = []
    for number, stage in enumerate(found):
        for matrix in dict.fromkeys(pair.matrix for pair in stage):
            mine = columns.table([int(pair.matrix == matrix) for pair in stage])
            gate = columns.table([pair.gate for pair in stage])
            begin, weight = weights(found[:number], launch), _weight(matrix, launch, none)
            loads += [
                _load(begin + REGISTERS * (tile * turns(launch) + turn), tile, turn, launch, mine, gate, weight)
                for tile in range(launch.tiles)
                for turn in range(turns(launch))
            ]
    every, group = chain("w, M, d, first, q, strip, g, s", loads), strips(launch)

    @register_jitable
    def load(w, M, d, first):
        me = tensor_cores.here(thread())  # or the addresses of all weights would be kept for the next direction
        warp, lane = me // WARP, me % WARP
        every(w, M, d, first, warp // group, warp % group, lane // 4, lane % 4)

    return load


def _load(place: int, tile: int, turn: int, launch: Launch, mine: Callable, gate: Callable, weight: Callable):
    """A fragment of 16 x K weights."""
    neighbours, tiles, units = NEIGHBOURS[str(launch.precision)], launch.tiles, launch.share.units

    @register_jitable
    def load(w, M, d, first, q, strip, g, s):
        if mine(q):
            for i in range(REGISTERS):
                u = (strip * tiles + tile) * ROWS + g + 8 * (i % 2)
                k = neighbours * (turn * 8 + s + 4 * (i // 2))
                w[place + i] = weight(M, d, gate(q), k, first + u, u < units)

    return load


def _build_sums(first: int, launch: Launch) -> Callable:
    """add(w, vector, sums, g, s): to the sums of all tiles (4 of each) their terms; vector (rows, width)."""
    return chain("w, vector, sums, g, s", [_sums(first, turn, launch) for turn in range(turns(launch))])


def _sums(first: int, turn: int, launch: Launch) -> Callable:
    precision, tiles, each = str(launch.precision), launch.tiles, REGISTERS * turns(launch)
    neighbours, place = NEIGHBOURS[precision], first + REGISTERS * turn
    multiply, operand = tensor_cores.multiply[precision], _operand(precision)

    @register_jitable
    def add(w, vector, sums, g, s):
        b = (
            operand(vector, g, neighbours * (turn * 8 + s)),
            operand(vector, g, neighbours * (turn * 8 + s + 4)),
        )
        for tile in range(tiles):
            i, o = place + tile * each, REGISTERS * tile
            made = multiply((w[i], w[i + 1], w[i + 2], w[i + 3]), b, (sums[o], sums[o + 1], sums[o + 2], sums[o + 3]))
            for e in range(REGISTERS):
                sums[o + e] = made[e]

    return add


def _build_store(launch: Launch) -> Callable:
    """store(parts, sums, q, strip, g, s): the sums of this thread to where all see them."""
    tiles, units = launch.tiles, launch.share.units

    @register_jitable
    def store(parts, sums, q, strip, g, s):
        for tile in range(tiles):
            for e in range(REGISTERS):
                u = (strip * tiles + tile) * ROWS + g + 8 * (e // 2)
                if u < units:
                    parts[q, 0, 2 * s + e % 2, u] = sums[REGISTERS * tile + e]

    return store


def build_forward(cell: Cell, number: int, launch: Launch, none: np.floating) -> Callable:
    """multiply(d, b0, t, n, first, bias, lengths, a, full, parts, w, sums), see ``scalar_products``."""
    found = columns.pairs(cell, number)
    add = _build_sums(weights([columns.pairs(cell, k) for k in range(number)], launch), launch)
    ahead, biases = columns.starts(cell, number, found)
    vector, slot = columns.table([pair.vector for pair in found]), columns.table(ahead)
    base, count, group, store = columns.build_base(biases, none), len(found), strips(launch), _build_store(launch)
    tiles, units = launch.tiles, launch.share.units

    @register_jitable
    def multiply(d, b0, t, n, first, bias, lengths, a, full, parts, w, sums):
        warp, g, s = thread() // WARP, thread() % WARP // 4, thread() % 4
        q, strip = warp // group, warp % group
        if q < count:
            for tile in range(tiles):
                for e in range(REGISTERS):
                    u = (strip * tiles + tile) * ROWS + g + 8 * (e // 2)
                    b, o = b0 + 2 * s + e % 2, REGISTERS * tile + e
                    sums[o] = none
                    if u < units:
                        sums[o] = base(bias, d, q, first + u)
                        if slot(q) >= 0 and b < lengths.shape[0] and t < lengths[b]:
                            sums[o] = a[d, n * lengths.shape[0] + b, slot(q), first + u]
            add(w, full[vector(q), 0], sums, g, s)
            store(parts, sums, q, strip, g, s)

    return multiply


def build_backward(cell: Cell, number: int, launch: Launch, none: np.floating) -> Callable:
    """multiply(full, parts, w, sums), see ``scalar_products``."""
    found = columns.pairs_back(cell, number)
    add = _build_sums(weights([columns.pairs_back(cell, k) for k in range(number)], launch), launch)
    vector, count, group = columns.table([pair.vector for pair in found]), len(found), strips(launch)
    store, every = _build_store(launch), sums(launch)

    @register_jitable
    def multiply(full, parts, w, sums):
        warp, g, s = thread() // WARP, thread() % WARP // 4, thread() % 4
        q, strip = warp // group, warp % group
        if q < count:
            for e in range(every):
                sums[e] = none
            add(w, full[vector(q), 0], sums, g, s)
            store(parts, sums, q, strip, g, s)

    return multiply
