"""Generic kernels for any cell: a block of threads takes a batch row (or a row of a gradient), its threads the units.

Grid-stride: any number of blocks and threads is legal, one of each included, and changes no bit of the result, because
every number is summed by one thread in an order that depends on neither. There are no atomics and no barrier between
blocks.
"""

import sys
from functools import cache

from numba.extending import register_jitable

from cuda_kernels.gpu import cuda, jit
from refseq.cell import Cell
from refseq.scan import build_scan
from refseq.targets.base import Kernels
from refseq.targets.digest import name_for_cache, source_digest
from refseq.team import Team

# The simulator swaps the name `cuda` in the globals of the kernels' own module, so all that use it stand in this file.


@register_jitable
def _thread() -> int:
    return cuda.threadIdx.x


@register_jitable
def _threads() -> int:
    return cuda.blockDim.x


@register_jitable
def _wait() -> None:
    cuda.syncthreads()


BLOCK = Team(_thread, _threads, _wait)
"""The threads of a block share a row."""


@cache
def kernels(cell: Cell, dtype: str) -> Kernels:
    """The three kernels of a cell, compiled on their first launch."""
    scan = build_scan(cell, BLOCK)
    forward_row, backward_row, gradient_row = scan.forward_row, scan.backward_row, scan.gradient_row
    pieces = scan.pieces
    key = source_digest(cell, sys.modules[__name__])

    # `key` is captured so that it is part of numba's cache key
    def forward(start, stop, M, bias, p, m, x, lengths, reverse, s, tape, y, a):
        _ = key
        b = cuda.blockIdx.x
        while b < lengths.shape[0]:
            forward_row(b, start, stop, M, bias, p, m, x, lengths, reverse, s, tape, y, a)
            b += cuda.gridDim.x

    def backward(start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, d0, dv, da, dx, dp):
        _ = key
        b = cuda.blockIdx.x
        while b < lengths.shape[0]:
            backward_row(b, start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, d0, dv, da, dx, dp)
            b += cuda.gridDim.x

    def gradient(start, stop, x, lengths, reverse, s, tape, da, dM, db):
        _ = key
        k = cuda.blockIdx.x
        while k < pieces(dM):
            gradient_row(k, start, stop, x, lengths, reverse, s, tape, da, dM, db)
            k += cuda.gridDim.x

    return Kernels(*(jit(cache=True)(name_for_cache(loop, dtype, key)) for loop in (forward, backward, gradient)))
