"""The weights of a time loop as fragments of tensor cores (``tensor_cores``) in registers: which warp has which.

A warp has one pair, of its sums one slice along k, and of its result ``tiles`` tiles of 16 entries, for the 8 rows of a
group, which are the columns of an instruction:

    warp = (pair * slices + slice) * strips + strip
    part of result[16 entries, 8 rows] = W[16 entries, K of the slice] vector[8 rows, K of the slice]'

Weights are rounded once, when they are loaded. Slices are of whole instructions: what lies behind the last unit is 0.
"""

from collections.abc import Callable

import numpy as np
from numba.extending import register_jitable

from cuda_kernels import columns, tensor_cores
from cuda_kernels.columns import Launch, Pair
from cuda_kernels.gpu import thread
from cuda_kernels.opaque import here
from cuda_kernels.simulated_waits import WARP
from cuda_kernels.tensor_cores import NEIGHBOURS, ROWS
from refseq.team import chain

REGISTERS = 4
"""Of a fragment of weights, and numbers of one of results."""


def strips(launch: Launch) -> int:
    """Warps that share a slice of a pair."""
    return -(-launch.share.units // (ROWS * launch.tiles))


def turns(launch: Launch) -> int:
    """Instructions of a tile, along k, of a slice."""
    return -(-launch.units // (tensor_cores.depth(str(launch.precision)) * launch.slices))


def span(launch: Launch) -> int:
    """Terms of a slice, filled up to whole instructions."""
    return turns(launch) * tensor_cores.depth(str(launch.precision))


def weights(found: list[list[Pair]], launch: Launch) -> int:
    """Registers of a thread with weights, of all stages."""
    return REGISTERS * launch.tiles * turns(launch) * sum(map(bool, found))


def sums(launch: Launch) -> int:
    """Sums of a thread."""
    return REGISTERS * launch.tiles


def build_place(launch: Launch) -> Callable:
    """place(thread): the pair, the slice, and the strip of its warp; then lane // 4 and lane % 4."""
    slices, group = launch.slices, strips(launch)

    @register_jitable
    def place(me):
        warp, lane = me // WARP, me % WARP
        return warp // (slices * group), warp // group % slices, warp % group, lane // 4, lane % 4

    return place


def build_load(found: list[list[Pair]], launch: Launch, none: np.floating) -> Callable:
    """load(w, M, d, first): the fragments of this thread, of all stages; M as ``scalar_products.build_load`` has it."""
    loads = []
    for turn in range(turns(launch)):
        for number, stage in enumerate(found):
            for matrix in dict.fromkeys(pair.matrix for pair in stage):
                mine = columns.table([int(pair.matrix == matrix) for pair in stage])
                gate = columns.table([pair.gate for pair in stage])
                begin, weight = weights(found[:number], launch), _weight(matrix, launch, none)
                loads += [
                    _load(begin + REGISTERS * (tile * turns(launch) + turn), tile, turn, launch, mine, gate, weight)
                    for tile in range(launch.tiles)
                ]
    return chain("w, M, d, first", loads)


def _load(place: int, tile: int, turn: int, launch: Launch, mine: Callable, gate: Callable, weight: Callable):
    """A fragment of 16 x K weights."""
    neighbours, tiles, units = NEIGHBOURS[str(launch.precision)], launch.tiles, launch.share.units
    terms, find = span(launch), build_place(launch)

    @register_jitable
    def load(w, M, d, first):
        q, part, strip, g, s = find(here(thread()))
        if mine(q):
            for i in range(REGISTERS):
                u = (strip * tiles + tile) * ROWS + g + 8 * (i % 2)
                k = part * terms + neighbours * (turn * 8 + s + 4 * (i // 2))
                w[place + i] = weight(M, d, gate(q), np.uint64(k), np.uint64(first + u), u < units)

    return load


def _weight(matrix: int, launch: Launch, none: np.floating) -> Callable:
    """weight(M, d, gate, k, j, inside): a register of weights of entry j from k on; 0 if it is not ``inside``."""
    pack, wide, one_more = tensor_cores.pack[str(launch.precision)], np.uint64(launch.units), np.uint64(1)

    @register_jitable
    def entry(M, d, gate, k, j, inside):
        return M[matrix][d, k, gate, j] if inside and k < wide else none

    @register_jitable
    def one(M, d, gate, k, j, inside):
        return pack(entry(M, d, gate, k, j, inside))

    @register_jitable
    def two(M, d, gate, k, j, inside):
        return pack(entry(M, d, gate, k, j, inside), entry(M, d, gate, k + one_more, j, inside))

    return one if NEIGHBOURS[str(launch.precision)] == 1 else two
