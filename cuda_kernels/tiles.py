"""Matrix products by tiles: a block of threads takes a tile of the result, and walks with it along the sum.

Both operands are read tile by tile into shared memory; every thread holds ``micro`` x ``micro`` sums in registers. A
sum is one chain in the order of its terms, whatever the tile, the grid or the block.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba.extending import register_jitable

from cuda_kernels.gpu import barrier, device, thread


@dataclass(frozen=True)
class Tiles:
    """A block has ``side`` x ``side`` threads, each of them ``micro`` x ``micro`` entries of the tile: those that are
    ``side`` apart, so that neighbours store next to one another. ``depth`` terms of the sum are in shared memory."""

    side: int
    micro: int
    depth: int

    @property
    def edge(self) -> int:
        """Rows and columns of a tile."""
        return self.side * self.micro

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.side * self.side

    @property
    def shape(self) -> tuple[int, int]:
        """Of an operand in shared memory. One more column: columns of it are then in different banks."""
        return self.depth, self.edge + 1


DEVICE = Tiles(16, 4, 16)
"""64 x 64 entries: 16 additions for 8 numbers from shared memory. 17 KiB of it in float64."""

SIMULATED = Tiles(2, 2, 3)
"""In the simulator every thread is one of Python's: few, and every edge of a tile is met at small sizes."""


def build_loader(tiles: Tiles, fetch: Callable, along: bool, none: np.floating) -> Callable:
    """load(tile, me, first, start, count, stop, given): fill a tile with the numbers fetch(given, i, q), i from
    ``first`` on, q from ``start`` on, and 0 where i >= count or q >= stop. ``along``: neighbouring threads take
    neighbouring terms q of the sum; else neighbouring i."""
    depth, edge, step = tiles.depth, tiles.edge, tiles.threads

    @register_jitable
    def load(tile, me, first, start, count, stop, given):
        e = me
        while e < depth * edge:
            i, q = (e // depth, e % depth) if along else (e % edge, e // edge)
            inside = first + i < count and start + q < stop
            tile[q, i] = fetch(given, first + i, start + q) if inside else none
            e += step

    return load


def build_multiply(tiles: Tiles, load_left: Callable, load_right: Callable) -> Callable:
    """multiply(left, right, sums, me, row, column, rows, columns, terms, L, R): add the products of all terms to the
    sums of this thread. left, right: shared memory; L, R: what the loaders are given."""
    side, micro, depth = tiles.side, tiles.micro, tiles.depth

    @register_jitable
    def multiply(left, right, sums, me, row, column, rows, columns, terms, L, R):
        i, j = me // side, me % side
        start = 0
        while start < terms:
            load_left(left, me, row, start, rows, terms, L)
            load_right(right, me, column, start, columns, terms, R)
            barrier()
            for q in range(depth):
                for u in range(micro):
                    for v in range(micro):
                        sums[u, v] = sums[u, v] + left[q, i + side * u] * right[q, j + side * v]
            barrier()
            start += depth

    return multiply


def build_sweep(
    tiles: Tiles, none: np.floating, place: Callable, add: Callable, begin: Callable | None = None
) -> Callable:
    """sweep(rows, columns, given): all tiles of a result, as far as they are this block's.

    given[0] is the result, place(given, n, k) where in it the entry n, k is; begin(given, n, k) what the entry begins
    with, by default what is there; add(left, right, sums, me, row, column, given) adds products to the tile that begins
    at a row and a column; left, right: shared memory. Blocks: x goes over columns, y over rows.
    """
    side, micro, edge, shape, square = tiles.side, tiles.micro, tiles.edge, tiles.shape, (tiles.micro, tiles.micro)
    number = type(none)

    @register_jitable
    def present(given, n, k):
        return given[0][place(given, n, k)]

    first = present if begin is None else begin

    @register_jitable
    def sweep(rows, columns, given):
        left = device.shared.array(shape, number)
        right = device.shared.array(shape, number)
        sums = device.local.array(square, number)
        me = thread()
        i, j = me // side, me % side
        row = device.blockIdx.y * edge
        while row < rows:
            column = device.blockIdx.x * edge
            while column < columns:
                for u in range(micro):
                    for v in range(micro):
                        n, k = row + i + side * u, column + j + side * v
                        sums[u, v] = first(given, n, k) if n < rows and k < columns else none
                add(left, right, sums, me, row, column, given)
                for u in range(micro):
                    for v in range(micro):
                        n, k = row + i + side * u, column + j + side * v
                        if n < rows and k < columns:
                            given[0][place(given, n, k)] = sums[u, v]
                column += device.gridDim.x * edge
            row += device.gridDim.y * edge

    return sweep
