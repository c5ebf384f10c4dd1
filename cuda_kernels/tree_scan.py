"""The way through a forest and back (``refseq.tree_scan``): a block of threads takes a node, its threads the units.

A launch takes the nodes order[first:last] of one level, which do not depend on one another; a level waits for the one
before it as launches do. Grid-stride as in ``cuda_kernels.scan``. Scratch has a row for each block.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from numba.extending import register_jitable

from cuda_kernels import gpu, scan
from cuda_kernels.digest import digest
from cuda_kernels.gpu import barrier, device
from cuda_kernels.scan import BLOCK
from refseq import tree_cell, tree_scan
from refseq.targets.digest import name_for_cache, source_digest
from refseq.tree_cell import TreeCell
from refseq.tree_scan import build_tree_scan

FORWARD = "lane, first, last, F, W, V, x, s, old, tape, a, L"
BACKWARD = "lane, first, last, F, W, V, s, old, tape, ds, d0, dv, da, dx, dp, L"


@dataclass(frozen=True)
class TreeLoops:
    """The two kernels of a cell of a tree."""

    forward: Any
    backward: Any


@cache
def kernels(cell: TreeCell, dtype: str) -> TreeLoops:
    """The loops, compiled on their first launch. Backward takes matrices transposed, (size out, G, size in)."""
    found = build_tree_scan(cell, BLOCK)
    counts = [len(part.layout.matrices) for part in cell.parts]
    forward_nodes, backward_nodes = found.forward, _across(found.backward, counts)
    modules = (tree_cell, tree_scan, scan, gpu, sys.modules[__name__])
    key = digest(*(source_digest(part, *modules) for part in cell.parts))

    # `key` is captured so that it is part of numba's cache key
    def forward(first, last, F, W, V, x, s, old, tape, a, L):
        _ = key
        lane = device.blockIdx.x
        i = first + lane
        while i < last:
            forward_nodes(lane, i, i + 1, F, W, V, x, s, old, tape, a, L)
            barrier()
            i += device.gridDim.x

    def backward(first, last, F, W, V, s, old, tape, ds, d0, dv, da, dx, dp, L):
        _ = key
        lane = device.blockIdx.x
        i = first + lane
        while i < last:
            backward_nodes(lane, i, i + 1, F, W, V, s, old, tape, ds, d0, dv, da, dx, dp, L)
            barrier()
            i += device.gridDim.x

    return TreeLoops(*(gpu.jit(cache=True)(name_for_cache(loop, dtype, key)) for loop in (forward, backward)))


def _across(function: Callable, counts: list[int]) -> Callable:
    """The function, with the matrices of W and V, so many each, transposed. Its source is written out, because numba
    has no loop over the arrays of a tuple."""

    def turned(name: str, count: int) -> str:
        matrices = "".join(f"{name}[0][{k}].T, " for k in range(count))
        return f"(({matrices}), {name}[1], {name}[2], {name}[3])"

    chosen: dict[str, str] = {name: turned(name, count) for name, count in zip("WV", counts, strict=False)}
    namespace: dict[str, Any] = {"function": function}
    given = ", ".join(chosen.get(name, name) for name in BACKWARD.split(", "))
    exec(f"def run({BACKWARD}):\n    function({given})", namespace)
    return register_jitable(namespace["run"])
