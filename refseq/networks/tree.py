"""A recursive network on a forest by the plain loops of ``refseq.tree_scan``: "reference", any number field.

Allocate, go through the levels, sum over the nodes, in pieces of so much work that Ctrl-C need not wait for the end of
a large forest. The result does not depend on the pieces in a bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refseq.arrays import name_of, zeros
from refseq.cell import Cell
from refseq.networks.tree_kernels import kernels
from refseq.targets import Weights
from refseq.tree_cell import TreeCell
from refseq.trees.forest import Forest

AT_ONCE = 2**14
"""Numbers of a gradient that are summed together over all nodes, so that they stay in a core's cache."""

AT_A_TIME = 10**8
"""Multiply-adds between two looks at Ctrl-C: about 0.1 s."""


@dataclass(frozen=True)
class Recording:
    """A forward pass as backward needs it; arrays and L as in ``refseq.tree_scan``. ``begin``: the first entry of the
    forest's order that was computed; before it are leaves whose state was given."""

    cell: TreeCell
    weights: tuple[Weights, ...]
    forest: Forest
    begin: int
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
    cell: TreeCell, weights: tuple[Weights, ...], forest: Forest, x: np.ndarray, leaves: np.ndarray | None
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
    recording = Recording(cell, weights, forest, begin, x, s, old, tape, edges)
    a, *edge_a = (zeros((1, len(part.layout.slots), width), like) for part in cell.parts)
    _visit(recording, "forward", (*_handed(recording), x, s, old, tape, a, (*edges, *edge_a)))
    return recording


def backward(recording: Recording, ds: np.ndarray) -> Pulled:
    """The adjoint; ds (N, S, H) are the cotangents of all states."""
    cell, forest, x, s = recording.cell, recording.forest, recording.x, recording.s
    like, width = recording.weights[0].matrices[0], s.shape[2]

    def scratch(part: Cell) -> list[np.ndarray]:
        return [zeros((1, count, width), like) for count in (len(part.olds), len(part.layout.vectors))]

    ds, dx, da = ds.copy(), zeros(x.shape, like), zeros((forest.nodes, len(cell.layout.slots), width), like)
    edges = ()
    if cell.edge is not None:
        edge_da = zeros((len(forest.children), len(cell.edge.layout.slots), width), like)
        edges = (*recording.edges, edge_da, zeros((1, len(cell.state), width), like), *scratch(cell.edge))
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
    function = getattr(kernels(recording.cell, name_of(recording.s.dtype)), loop)
    most = max(1, AT_A_TIME // _multiplications(recording.weights))
    pieces = _pieces(recording.begin, recording.forest.nodes, most)
    for first, last in pieces if loop == "forward" else reversed(pieces):
        function(0, first, last, *arguments)


def _gradient(recording: Recording, loop: str, weights: Weights, arguments: tuple) -> Weights:
    """Sum the gradients of these weights over the nodes, or over the edges."""
    like, nodes = weights.matrices[0], recording.forest.nodes
    dM, db = (tuple(zeros(part.shape, like) for part in parts) for parts in (weights.matrices, weights.biases))
    function = getattr(kernels(recording.cell, name_of(recording.s.dtype)), loop)
    total = sum(len(matrix) for matrix in dM) + len(db)
    rows = max(1, AT_ONCE // max(matrix[0].size for matrix in dM))
    spans = _pieces(recording.begin, nodes, max(1, AT_A_TIME // AT_ONCE))
    arguments = (_arrays(recording.forest), *arguments, dM, db)
    for low in range(0, total, rows):
        for first, last in reversed(spans):
            function(0, low, min(low + rows, total), first, last, *arguments)
    return Weights(dM, db, zeros((0, weights.p.shape[1]), like))


def _pieces(first: int, last: int, most: int) -> list[tuple[int, int]]:
    """The range, cut into pieces of at most so many nodes."""
    return [(low, min(low + most, last)) for low in range(first, last, most)]


def _multiplications(parts: Sequence[Weights]) -> int:
    return sum(matrix.size for weights in parts for matrix in weights.matrices)
