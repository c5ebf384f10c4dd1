"""The loops of ``refseq.tree_scan``, compiled for the CPU, or interpreted for objects."""

import hashlib
import sys
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace

from refseq.targets.digest import compiled_and_cached, name_for_cache, source_digest
from refseq.team import ALONE
from refseq.tree_cell import TreeCell
from refseq.tree_scan import build_tree_scan


@cache
def kernels(cell: TreeCell, dtype: str) -> SimpleNamespace:
    """The loops of a cell, compiled, or as plain Python for objects."""
    scan = build_tree_scan(cell, ALONE)
    forward_nodes, backward_nodes = scan.forward, scan.backward
    gradient_rows, edge_rows = scan.gradient, scan.edge_gradient
    modules = [sys.modules[name] for name in (TreeCell.__module__, build_tree_scan.__module__, __name__)]
    digests = [source_digest(part, *modules) for part in cell.parts]
    key = hashlib.sha256("".join(digests).encode()).hexdigest()

    # `key` is captured so that it is part of numba's cache key
    def forward(lane, first, last, F, W, V, x, s, old, tape, a, L):
        _ = key
        forward_nodes(lane, first, last, F, W, V, x, s, old, tape, a, L)

    def backward(lane, first, last, F, W, V, s, old, tape, ds, d0, dv, da, dx, dp, L):
        _ = key
        backward_nodes(lane, first, last, F, W, V, s, old, tape, ds, d0, dv, da, dx, dp, L)

    def gradient(lane, low, high, first, last, F, x, s, old, tape, da, dM, db):
        _ = key
        gradient_rows(low, high, first, last, F, x, s, old, tape, da, dM, db)

    loops: list[Callable] = [forward, backward, gradient]
    if edge_rows is not None:

        def edge_gradient(lane, low, high, first, last, F, x, s, L, dM, db):
            _ = key
            edge_rows(low, high, first, last, F, x, s, L, dM, db)

        loops.append(edge_gradient)
    if dtype != "object":
        loops = [compiled_and_cached(name_for_cache(loop, dtype, key)) for loop in loops]
    return SimpleNamespace(**{loop.__name__: loop for loop in loops})
