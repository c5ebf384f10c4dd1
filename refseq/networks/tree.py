"""A recursive network on a forest: allocate, go through the levels, sum over the nodes.

A wide level is shared between threads; narrow ones, one after another, are left to one thread. The result does not
depend on that in a bit, nor on the pieces of so much work that Ctrl-C need not wait for the end of a large forest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refseq.arrays import zeros
from refseq.cell import Cell
from refseq.networks.tree_kernels import kernels, shared, threads
from refseq.targets import Weights
from refseq.tree_cell import TreeCell
from refseq.trees.forest import Forest

WORTH_A_THREAD = 200_000
"""Multiply-adds below which starting threads costs more than it saves (about 0.1 ms on one core)."""

AT_ONCE = 2**14
"""Numbers of a gradient that are summed together over all nodes, so that they stay in a core's cache."""

AT_A_TIME = 10**8
"""Multiply-adds between two looks at Ctrl-C: about 0.1 s."""


@dataclass(frozen=True)
class Recording:
    """A forward pass as backward needs it; arrays and L as in ``refseq.tree_scan``. ``begin``: the first entry of the
    forest's order that was computed; before it are leaves whose state was ``given``."""

    cell: TreeCell
    weights: tuple[Weights, ...]
    forest: Forest
    given: bool
    begin: int
    threads: int
    x: np.ndarray
    s: np.ndarray
    old: np.ndarray
    tape: np.ndarray
    edges: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Pulled:
    """Cotangents of the weights of every part of the cell, of x (N, K), and of all states (N, S, H): for leaves whose
    state was given, their gradients."""

    weights: tuple[Weights, ...]
    x: np.ndarray
    s: np.ndarray


def forward(
    cell: TreeCell, weights: tuple[Weights, ...], forest: Forest, x: np.ndarray, leaves: np.ndarray | None, threads: int
) -> Recording:
    """Run over x (N, K); ``leaves`` (., S, H) are the leaves' states, or None where they are computed."""
    like, width = weights[0].matrices[0], weights[0].p.shape[1]
    s = zeros((forest.nodes, len(cell.state), width), like)
    old = zeros((forest.nodes, len(cell.olds), width), like)
    tape = zeros((forest.nodes, cell.layout.stored, width), like)
    if leaves is not None:
        s[forest.leaves] = leaves
    edges = ()
    if cell.edge is not None:
        rows = (len(cell.state), cell.edge.layout.stored)
        edges = tuple(zeros((len(forest.children), count, width), like) for count in rows)
    begin = 0 if leaves is None else len(leaves)
    x = x[:, None]  # a row, as the step wants it
    recording = Recording(cell, weights, forest, leaves is not None, begin, threads, x, s, old, tape, edges)
    a, *edge_a = (zeros((threads, len(part.layout.slots), width), like) for part in cell.parts)
    _visit(recording, "forward", (*_handed(recording), x, s, old, tape, a, (*edges, *edge_a)))
    return recording


def backward(recording: Recording, ds: np.ndarray) -> Pulled:
    """The adjoint; ds (N, S, H) are the cotangents of all states."""
    cell, forest, x, s = recording.cell, recording.forest, recording.x, recording.s
    like, width, lanes = recording.weights[0].matrices[0], s.shape[2], recording.threads

    def scratch(part: Cell) -> list[np.ndarray]:
        return [zeros((lanes, count, width), like) for count in (len(part.olds), len(part.layout.vectors))]

    ds, dx, da = ds.copy(), zeros(x.shape, like), zeros((forest.nodes, len(cell.layout.slots), width), like)
    edges = ()
    if cell.edge is not None:
        edge_da = zeros((len(forest.children), len(cell.edge.layout.slots), width), like)
        edges = (*recording.edges, edge_da, zeros((lanes, len(cell.state), width), like), *scratch(cell.edge))
    given = (s, recording.old, recording.tape)
    own = zeros((0, width), like)  # no gradient of parameters of the units: a cell of a tree has none
    _visit(recording, "backward", (*_handed(recording), *given, ds, *scratch(cell), da, dx, own, edges))
    pulled = [_gradient(recording, "gradient", recording.weights[0], (x, *given, da))]
    if cell.edge is not None:
        pulled.append(_gradient(recording, "edge_gradient", recording.weights[1], (x, s, edges[:3])))
    return Pulled(tuple(pulled), dx[:, 0], ds)


def _arrays(forest: Forest) -> tuple[np.ndarray, ...]:
    """F of ``refseq.tree_scan``."""
    return forest.order, forest.offsets, forest.children, forest.positions  # type: ignore[return-value] - set when made


def _handed(recording: Recording) -> tuple:
    """F, W and V of ``refseq.tree_scan``."""
    packed = []
    for weights in recording.weights:
        none = zeros((0, weights.p.shape[1]), weights.matrices[0])  # no masks
        packed.append((weights.matrices, weights.biases, weights.p, none))
    return _arrays(recording.forest), packed[0], packed[1] if packed[1:] else ()


def _visit(recording: Recording, loop: str, arguments: tuple) -> None:
    """Run a loop over all nodes that are computed, from the leaves to the roots or back."""
    function = getattr(kernels(recording.cell, str(recording.s.dtype)), loop)
    most = max(1, AT_A_TIME // _multiplications(recording.weights))
    pieces = [piece for span in _spans(recording) for piece in _pieces(*span, most)]
    with threads(recording.threads) as pool:
        for first, last, wide in pieces if loop == "forward" else reversed(pieces):
            shared(pool if wide else None, recording.threads, function, first, last, arguments)


def _gradient(recording: Recording, loop: str, weights: Weights, arguments: tuple) -> Weights:
    """Sum the gradients of these weights over the nodes, or over the edges."""
    like, nodes = weights.matrices[0], recording.forest.nodes
    dM, db = (tuple(zeros(part.shape, like) for part in parts) for parts in (weights.matrices, weights.biases))
    function = getattr(kernels(recording.cell, str(recording.s.dtype)), loop)
    total = sum(len(matrix) for matrix in dM) + len(db)
    wide = nodes * _multiplications((weights,)) > WORTH_A_THREAD
    rows = max(1, AT_ONCE // max(matrix[0].size for matrix in dM)) * (recording.threads if wide else 1)
    spans = _pieces(recording.begin, nodes, wide, max(1, AT_A_TIME // AT_ONCE))
    arguments = (_arrays(recording.forest), *arguments, dM, db)
    with threads(recording.threads if wide else 1) as pool:
        for low in range(0, total, rows):
            for first, last, _ in reversed(spans):
                high = min(low + rows, total)
                shared(pool, recording.threads, function, low, high, (first, last, *arguments))
    return Weights(dM, db, zeros((0, weights.p.shape[1]), like))


def _pieces(first: int, last: int, wide: bool, most: int) -> list[tuple[int, int, bool]]:
    """The span, cut into pieces of at most so many nodes."""
    return [(low, min(low + most, last), wide) for low in range(first, last, most)]


def _multiplications(parts: Sequence[Weights]) -> int:
    return sum(matrix.size for weights in parts for matrix in weights.matrices)


def _spans(recording: Recording) -> list[tuple[int, int, bool]]:
    """Pieces (first, last) of the forest's order, and whether they are one wide level: worth to be shared."""
    begin, bounds = recording.begin, recording.forest.bounds
    if recording.threads == 1 or recording.forest.nodes == begin:
        return [(begin, recording.forest.nodes, False)]
    bounds = bounds[bounds >= begin]
    width = np.diff(bounds)
    wide = (width > 1) & (width * _multiplications(recording.weights) > WORTH_A_THREAD)  # one node cannot be shared
    cut = np.flatnonzero(wide[1:] | wide[:-1]) + 1
    starts = np.concatenate([[0], cut]).astype(np.int64)
    stops = np.concatenate([starts[1:], [len(wide)]])
    return [(int(bounds[i]), int(bounds[j]), bool(wide[i])) for i, j in zip(starts, stops, strict=True)]
