"""A recursive network on a forest: level after level of launches, then the gradients of the weights by tiles."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from cuda_kernels import tree_scan
from cuda_kernels.gradients import add_gradients
from cuda_kernels.machine import Machine
from cuda_kernels.rowwise import kernel
from refseq.layout import Place
from refseq.networks.tree import Pulled
from refseq.seq2seq.embedding import build_gather
from refseq.targets import Weights
from refseq.tree_cell import TreeCell
from refseq.trees.forest import Forest

MOST_LANES = 4096
"""Blocks of a launch at most, as each has scratch: enough to fill any device many times over."""


@dataclass(frozen=True)
class CudaRecording:
    """A forward pass: ``s`` on the host; on the device what backward needs, arrays as in ``refseq.tree_scan``."""

    cell: TreeCell
    weights: tuple[Weights, ...]
    forest: Forest
    given: bool
    begin: int
    s: np.ndarray
    F: tuple
    x: Any
    states: Any
    old: Any
    tape: Any
    edges: tuple


def forward(
    machine: Machine,
    cell: TreeCell,
    weights: tuple[Weights, ...],
    forest: Forest,
    x: np.ndarray,
    leaves: np.ndarray | None,
) -> CudaRecording:
    """As ``refseq.networks.tree.forward``."""
    dtype, width = weights[0].p.dtype, weights[0].p.shape[1]
    s = machine.zeros((forest.nodes, len(cell.state), width), dtype)
    if leaves is not None and leaves.size:
        index = np.full(forest.nodes, -1)
        index[forest.leaves] = np.arange(len(leaves))
        flat, whole = (array.reshape(array.shape[0], len(cell.state) * width) for array in (machine.send(leaves), s))
        copy = kernel(build_gather, (), str(dtype), 3)
        machine.launch(copy, (forest.nodes,), width, forest.nodes, machine.send(index), flat, whole)
    old = machine.zeros((forest.nodes, len(cell.olds), width), dtype)
    tape = machine.zeros((forest.nodes, cell.layout.stored, width), dtype)
    edges, lanes = (), _lanes(machine, forest)
    if cell.edge is not None:
        counts = (len(cell.state), cell.edge.layout.stored)
        edges = tuple(machine.zeros((len(forest.children), count, width), dtype) for count in counts)
    begin = 0 if leaves is None else len(leaves)
    assert forest.positions is not None  # set when the forest is made
    F = tuple(machine.send(a) for a in (forest.order, forest.offsets, forest.children, forest.positions))
    placed = machine.send(x[:, None])
    a, *edge_a = (machine.zeros((lanes, len(part.layout.slots), width), dtype) for part in cell.parts)
    loop = tree_scan.kernels(cell, str(dtype)).forward
    W, V = _packed(machine, weights, across=False)
    for first, last in _levels(forest, begin):
        arguments = (first, last, F, W, V, placed, s, old, tape, a, (*edges, *edge_a))
        machine.launch(loop, (min(last - first, lanes),), width, *arguments)
    return CudaRecording(
        cell, weights, forest, leaves is not None, begin, machine.fetch(s), F, placed, s, old, tape, edges
    )


def backward(machine: Machine, run: CudaRecording, ds: np.ndarray) -> Pulled:
    """As ``refseq.networks.tree.backward``."""
    cell, forest, dtype, width = run.cell, run.forest, ds.dtype, ds.shape[2]
    lanes = _lanes(machine, forest)

    def scratch(part: Any) -> list[Any]:
        return [machine.zeros((lanes, count, width), dtype) for count in (len(part.olds), len(part.layout.vectors))]

    placed, dx = machine.send(ds), machine.zeros(run.x.shape, dtype)  # ds is the caller's to lose
    da = machine.zeros((forest.nodes, len(cell.layout.slots), width), dtype)
    edges: tuple[Any, ...] = ()
    if cell.edge is not None:
        edge_da = machine.zeros((len(forest.children), len(cell.edge.layout.slots), width), dtype)
        mine = machine.zeros((lanes, len(cell.state), width), dtype)
        edges = (*run.edges, edge_da, mine, *scratch(cell.edge))
    own = machine.zeros((0, width), dtype)  # no gradient of parameters of the units: a cell of a tree has none
    loop, (W, V) = tree_scan.kernels(cell, str(dtype)).backward, _packed(machine, run.weights, across=True)
    state = (run.states, run.old, run.tape)
    given = (run.F, W, V, *state, placed, *scratch(cell), da, dx, own, edges)
    for first, last in reversed(_levels(forest, run.begin)):
        machine.launch(loop, (min(last - first, lanes),), width, first, last, *given)
    nodes = np.ascontiguousarray(forest.order[run.begin :][::-1])  # a sum over nodes begins with the last
    operands = (run.x, run.old, run.states, run.tape)
    pulled = [_gradient(machine, run.cell, run.weights[0], nodes, operands, (nodes,) * 4, da)]
    if cell.edge is not None:
        first, count = forest.offsets[nodes], np.diff(forest.offsets)[nodes]
        parents = np.repeat(nodes, count)
        before = np.cumsum(count) - count
        rows = np.arange(len(parents)) + np.repeat(first - before, count)  # the edges of each node in turn
        operands, places = (run.x, run.states, *run.edges), (parents, forest.children[rows], rows, rows)
        pulled.append(_gradient(machine, cell.edge, run.weights[1], rows, operands, places, edges[2]))
    return Pulled(tuple(pulled), machine.fetch(dx)[:, 0], machine.fetch(placed))


def _lanes(machine: Machine, forest: Forest) -> int:
    """Blocks of the widest level's launch."""
    widest = int(np.diff(forest.bounds).max(initial=1))
    return machine.grid((min(max(widest, 1), MOST_LANES),))[0]


def _levels(forest: Forest, begin: int) -> list[tuple[int, int]]:
    """The pieces of the forest's order that are computed, level by level."""
    bounds = forest.bounds[forest.bounds >= begin]
    return [(int(first), int(last)) for first, last in pairwise(bounds) if last > first]


def _packed(machine: Machine, weights: tuple[Weights, ...], across: bool) -> tuple[tuple, tuple]:
    """W and V of ``refseq.tree_scan``."""
    packed = []
    for own in weights:
        matrices = (matrix.transpose(2, 1, 0) if across else matrix for matrix in own.matrices)
        none = np.zeros((0, own.p.shape[1]), own.p.dtype)  # no masks
        M, b = tuple(map(machine.send, matrices)), tuple(map(machine.send, own.biases))
        packed.append((M, b, machine.send(own.p), machine.send(none)))
    return packed[0], packed[1] if packed[1:] else ()


def _gradient(
    machine: Machine,
    cell: Any,
    weights: Weights,
    rows: np.ndarray,
    operands: tuple[Any, ...],
    places: tuple[np.ndarray, ...],
    da: Any,
) -> Weights:
    """The gradients of a part of the cell, summed over these rows of da in their order. ``operands``: the arrays of x,
    old states, new states and tapes, with the rows that belong to those."""
    dtype, one = da.dtype, (1,)
    dM = tuple(machine.zeros(one + part.shape, dtype) for part in weights.matrices)
    db = tuple(machine.zeros(one + part.shape, dtype) for part in weights.biases)
    kinds = ("x", "old", "new", "tape")

    def source(place: Place) -> tuple[Any, int, Any, int]:
        number = kinds.index(place.kind)
        operand = operands[number]
        return operand.reshape(one + tuple(operand.shape)), 0, machine.send(places[number][None]), 0

    if len(rows):
        add_gradients(machine, cell, source, da.reshape(one + tuple(da.shape)), machine.send(rows), dM, db)
    matrices, biases = (tuple(machine.fetch(part)[0] for part in parts) for parts in (dM, db))
    return Weights(matrices, biases, np.zeros((0, weights.p.shape[1]), dtype))
