"""The products that need no time loop, as kernels on tiles: of x ahead of the loop, and the gradients behind it.

Rows of time and batch are flat: the arrays of ``cuda_kernels.scan`` for n steps of B rows are (D, n B, ., .) here, and
x is (T B, 1, K). Tables of integers say which rows there are (V of them, those within the lengths, from the last step
to the first, then by the row of the batch: the order of every sum over them):

    rows (V,)      their numbers in arrays of steps: n B + b
    times (D, V)   their numbers in arrays of time: i B + b, at the time of the direction

A product concerns some blocks of a matrix M (D, K, G, H); ``blocks`` (Z, 4) has a line (direction, gate, slot, start)
for each: a[slot] gets M[:, gate, :], and begins with row ``start`` of the bias, with 0 for NOTHING, or with what is
there for PRESENT.
"""

import hashlib
import inspect
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from cuda_kernels import gpu, tiled_products, tiles
from cuda_kernels.gpu import device, thread, threads
from cuda_kernels.tiled_products import build_outer, build_project, build_pull
from cuda_kernels.tiles import Tiles
from refseq.targets.digest import name_for_cache


@dataclass(frozen=True)
class Products:
    """The kernels, of a precision and a tile.

    project(blocks, M, bias, x, times, rows, a)           a[rows, slot] = start + x M[:, gate]
    pull(gates, slots, M, da, times, rows, dx)            dx[times] += sum over gates of da[rows, slot] M[:, gate]'
    outer(blocks, v, own, vector, places, shift, da, rows, dM)
        dM[:, gate] += v[places + shift, vector]' da[rows, slot]: v has a part for each direction if ``own``, 1 or 0
    sums(slots, targets, rows, da, db)                    db[targets] += the sum of da[rows, slots]
    """

    project: Any
    pull: Any
    outer: Any
    sums: Any


@cache
def kernels(dtype: str, size: Tiles) -> Products:
    """The kernels, compiled on their first launch."""
    number = np.dtype(dtype).type
    projected, pulled, added = (build(size, number(0)) for build in (build_project, build_pull, build_outer))
    key = _digest(size)

    # `key` is captured so that it is part of numba's cache key
    def project(blocks, M, bias, x, times, rows, a):
        _ = key
        z = device.blockIdx.z
        while z < blocks.shape[0]:
            d = blocks[z, 0]
            projected(rows.shape[0], M.shape[3], (a[d], M[d], bias[d], x, times[d], rows, blocks[z]))
            z += device.gridDim.z

    def pull(gates, slots, M, da, times, rows, dx):
        _ = key
        d = device.blockIdx.z
        while d < M.shape[0]:
            pulled(rows.shape[0], M.shape[1], (dx[d], M[d], da[d], times[d], rows, gates, slots))
            d += device.gridDim.z

    def outer(blocks, v, own, vector, places, shift, da, rows, dM):
        _ = key
        z = device.blockIdx.z
        while z < blocks.shape[0]:
            d = blocks[z, 0]
            given = (dM[d], v[d * own], vector, places[d], shift, da[d], rows, blocks[z])
            added(dM.shape[1], dM.shape[3], given)
            z += device.gridDim.z

    def sums(slots, targets, rows, da, db):
        _ = key
        d = device.blockIdx.z
        while d < db.shape[0]:
            row = device.blockIdx.y
            while row < db.shape[1]:
                j = device.blockIdx.x * threads() + thread()
                while j < db.shape[2]:
                    total = db[d, row, j]
                    for q in range(rows.shape[0]):
                        for g in range(slots.shape[0]):
                            if targets[g] == row:
                                total = total + da[d, rows[q], slots[g], j]
                    db[d, row, j] = total
                    j += device.gridDim.x * threads()
                row += device.gridDim.y
            d += device.gridDim.z

    return Products(*(gpu.jit(cache=True)(name_for_cache(f, dtype, key)) for f in (project, pull, outer, sums)))


def _digest(size: Tiles) -> str:
    """Of the source that the kernels are made of, and of the tile."""
    sources = [inspect.getsource(module) for module in (gpu, tiles, tiled_products, sys.modules[__name__])]
    return hashlib.sha256("\0".join([*sources, repr(size)]).encode()).hexdigest()
