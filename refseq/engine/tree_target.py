"""Trees on the engine: a forest forward and backward, levels shared between threads.

A wide level is cut into parts of its rows, which threads take; narrow levels are left to one thread, which goes through
as many as there are. Between groups of pieces Ctrl-C is looked at.
"""

import copyreg
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq.engine import threads
from refseq.engine.results import result
from refseq.engine.tree_backward import tree_backward
from refseq.engine.tree_forward import tree_forward
from refseq.engine.tree_gradient import tree_gradient
from refseq.engine.tree_job import TREE
from refseq.engine.tree_pieces import Order, pieces
from refseq.engine.tree_setup import rows_at_a_time, sizes_of
from refseq.engine.tree_tables import Run, TreeTape
from refseq.targets import Weights

WORTH_A_THREAD = 300_000
"""Multiply-adds below which waking a thread costs more than it saves."""

AT_A_TIME = 10**9
"""Multiply-adds between two looks at Ctrl-C: less than 0.1 s."""


@dataclass(frozen=True)
class TreePulled:
    """Cotangents of the weights of every part, of x (N, K), and of the states of leaves that were given (., S, H)."""

    weights: tuple[Weights, ...]
    x: np.ndarray
    given: np.ndarray


def forward(
    cell: Any, weights: tuple[Weights, ...], order: Order, x: np.ndarray, leaves: np.ndarray | None
) -> TreeTape:
    """Run over x (N, K); ``leaves`` (., S, H) are the leaves' states, or None where they are computed."""
    sizes, like, nodes = sizes_of(weights[0]), weights[0].matrices[0], len(order.order)
    units, given, states = weights[0].p.shape[1], 0 if leaves is None else len(leaves), len(cell.state)
    counts = (nodes, len(order.ends))
    parts = list(zip(cell.parts, counts, strict=False))
    s = tuple(result((count, states, sizes.width), like.dtype) for _, count in parts)
    kept = tuple(result((count, part.layout.stored, sizes.width), like.dtype) for part, count in parts)
    y, *outputs = (result((nodes, units), like.dtype) for _ in range(1 + states))
    if leaves is not None:
        s[0][:given, :, :units], s[0][:given, :, units:] = leaves, 0
        for k, output in enumerate(outputs):
            output[order.order[:given]] = leaves[:, k]
        y[order.order[:given]] = leaves[:, 0]
    work = multiplications(weights)
    count = threads.count() if nodes * work > WORTH_A_THREAD else 1
    rows = rows_at_a_time(cell, sizes)
    cut = pieces(order, given, rows, max(1, WORTH_A_THREAD // work), count, max(1, AT_A_TIME // work))
    tape = TreeTape(cell, weights, order, given, x, y, tuple(outputs), s, kept, cut)
    run = Run(tape, turned=False)
    run.words[TREE.every] = not all(np.isfinite(matrix).all() for part in weights for matrix in part.matrices)
    buffer = run.begin()
    function = tree_forward(sizes.dtype)
    for first, last in cut.groups:
        count = int(cut.parts[first])
        threads.share(function, count, run.where, first, last, count)
    del buffer
    return tape


def _reduced(tape: TreeTape) -> tuple:
    """How a tape is pickled and copied: as what it was made of, since its layout is that of this CPU's vectors."""
    given, units = tape.given, tape.y.shape[1]
    leaves = tape.s[0][:given, :, :units].copy() if given else None
    return forward, (tape.cell, tape.weights, tape.order, tape.x, leaves)


copyreg.pickle(TreeTape, _reduced)


def backward(tape: TreeTape, dy: np.ndarray | None, dstates: tuple[np.ndarray | None, ...]) -> TreePulled:
    """The adjoint; dy and dstates (N, H) are cotangents by number of the node, None for 0."""
    cut, order = tape.pieces, tape.order
    run = Run(tape, turned=True)
    x, given = run.take(dy, dstates)
    buffer = run.begin()
    dtype, work = sizes_of(tape.weights[0]).dtype, multiplications(tape.weights)
    level, gradient = tree_backward(dtype), tree_gradient(dtype)
    bounds, parts, most = cut.cuts.tolist(), cut.parts.tolist(), run.threads
    for piece in reversed(range(len(parts))):
        first, last = bounds[piece : piece + 2]
        threads.share(level, parts[piece], run.where, first, last, parts[piece])
        count = max(1, min(most, (last - first) * work // WORTH_A_THREAD))
        threads.share(gradient, count, run.where, first, last, count)
    if tape.given:
        node, units = order.order[: tape.given], tape.y.shape[1]
        below = order.parents[node] >= 0
        given[below] += run.ds[: tape.given, :, :units][below]
        x[node] = 0
    del buffer
    return TreePulled(run.gradients(), x, given)


def multiplications(parts: tuple[Weights, ...]) -> int:
    """Multiply-adds of a node and an edge, forward."""
    return sum(matrix.size for weights in parts for matrix in weights.matrices)
