"""The time loop of any cell and its adjoint: a block of threads takes a row of the batch, its threads the units.

Both directions of a layer run in one launch: the y axis of the grid goes over directions, which have rows and weights
of their own and never wait for one another. Arrays are those of ``refseq.scan`` with the direction d as a first axis,
except x, lengths and what backward is given as matrices, transposed: (D, size out, G, size in), so that neighbouring
threads read neighbouring numbers.

The matrix products of x are taken ahead of the loop, and their adjoints behind it (``cuda_kernels.products``).

Grid-stride: any number of blocks and threads is legal, one of each included, and changes no bit of the result, because
every number is summed by one thread in an order that depends on neither. No block waits for another.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from numba.extending import register_jitable

from cuda_kernels import gpu
from cuda_kernels.gpu import barrier, device, row, thread, threads
from refseq.cell import Cell
from refseq.linear import add_product_by_units
from refseq.scan import build_scan
from refseq.targets.digest import name_for_cache, source_digest
from refseq.team import Team

BLOCK = Team(thread, threads, barrier, add_product_by_units, row)
"""The threads of a block share a row."""

FORWARD = "b, start, stop, M, bias, p, m, x, lengths, reverse, s, tape, y, a"
BACKWARD = "b, start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, d0, dv, da, dx, dp"
SHARED = ("b", "start", "stop", "x", "lengths")
"""What both directions have in common."""


@dataclass(frozen=True)
class Loops:
    """The two kernels of a cell."""

    forward: Any
    backward: Any


@cache
def kernels(cell: Cell, dtype: str) -> Loops:
    """The time loops of a cell, compiled on their first launch."""
    scan = build_scan(cell, BLOCK, ahead=True)
    counts = {"M": len(cell.layout.matrices), "bias": len(cell.biases)}
    forward_row = in_direction(scan.forward_row, FORWARD, counts, "")
    backward_row = in_direction(scan.backward_row, BACKWARD, counts, ".T")
    key = source_digest(cell, sys.modules[__name__], sys.modules[gpu.__name__])

    # `key` is captured so that it is part of numba's cache key
    def forward(start, stop, M, bias, p, m, x, lengths, reverse, s, tape, y, a):
        _ = key
        d = device.blockIdx.y
        while d < reverse.shape[0]:
            b = device.blockIdx.x
            while b < lengths.shape[0]:
                forward_row(d, b, start, stop, M, bias, p, m, x, lengths, reverse, s, tape, y, a)
                b += device.gridDim.x
            d += device.gridDim.y

    def backward(start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, d0, dv, da, dx, dp):
        _ = key
        d = device.blockIdx.y
        while d < reverse.shape[0]:
            b = device.blockIdx.x
            while b < lengths.shape[0]:
                backward_row(d, b, start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, d0, dv, da, dx, dp)
                b += device.gridDim.x
            d += device.gridDim.y

    return Loops(*(gpu.jit(cache=True)(name_for_cache(loop, dtype, key)) for loop in (forward, backward)))


def in_direction(function: Callable, names: str, counts: dict[str, int], matrix: str) -> Callable:
    """f(d, ...), the function for direction d: of every argument that has one, its part number d. ``counts``: arguments
    that are tuples of so many arrays; ``matrix``: what is done to the arrays of M.

    Its source is written out, because numba has no loop over the arrays of a tuple.
    """

    def part(name: str) -> str:
        if name in SHARED:
            return name
        if name not in counts:
            return f"{name}[d]"
        after = matrix if name == "M" else ""
        return "(" + "".join(f"{name}[{k}][d]{after}, " for k in range(counts[name])) + ")"

    namespace: dict[str, Any] = {"function": function}
    chosen = ", ".join(map(part, names.split(", ")))
    exec(f"def run(d, {names}):\n    function({chosen})", namespace)
    return register_jitable(namespace["run"])
