"""A recursive network on a forest, on the target that is asked for: the engine, the plain loops, or a device."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq.arrays import rows, zeros
from refseq.engine import tree_target
from refseq.engine.tree_pieces import Order
from refseq.networks import tree
from refseq.targets import Weights, device_for
from refseq.tree_cell import TreeCell
from refseq.trees.forest import Forest


@dataclass(frozen=True)
class Recording:
    """A forward pass: y and states (N, H) of every node; what backward needs of the target; the leaves whose state was
    ``given``, else None; the ``device``, if it was on one."""

    y: np.ndarray
    states: tuple[np.ndarray, ...]
    tape: Any
    given: np.ndarray | None
    device: Any = None


@dataclass(frozen=True)
class Pulled:
    """Cotangents of the weights of every part of the cell, of x (N, K), and of the states of leaves that were given
    (., S, H), else None."""

    weights: tuple[Weights, ...]
    x: np.ndarray
    given: np.ndarray | None


def forward(
    target: str,
    cell: TreeCell,
    weights: tuple[Weights, ...],
    forest: Forest,
    x: np.ndarray,
    leaves: np.ndarray | None,
) -> Recording:
    """Run over x (N, K); ``leaves`` (., S, H) are the leaves' states, or None where they are computed."""
    given = None if leaves is None else forest.leaves
    if target == "cpu":
        order = Order(forest.order, forest.parents, forest.levels, forest.bounds, *forest.edges)
        made = tree_target.forward(cell, weights, order, x, leaves)
        return Recording(made.y, made.states, made, given)
    device = device_for(target, x.dtype)
    tape = (tree.forward if device is None else device.tree_forward)(cell, weights, forest, x, leaves)
    states = tuple(tape.s[:, i].copy() for i in range(len(cell.state)))
    return Recording(states[0].copy(), states, tape, given, device)


def backward(recording: Recording, dy: np.ndarray | None, dstates: tuple[np.ndarray | None, ...]) -> Pulled:
    """The adjoint; dy and dstates (N, H), None for 0."""
    tape, given = recording.tape, recording.given
    if isinstance(tape, tree_target.TreeTape):
        pulled = tree_target.backward(tape, dy, dstates)
        return Pulled(pulled.weights, pulled.x, None if given is None else pulled.given)
    ds = zeros(tape.s.shape, tape.s)
    for i, part in enumerate(dstates):
        if part is not None:
            ds[:, i] = part
    if dy is not None:
        ds[:, 0] = ds[:, 0] + dy
    found = (tree.backward if recording.device is None else recording.device.tree_backward)(tape, ds)
    if given is None:
        return Pulled(found.weights, found.x, None)
    flat = found.s.reshape(len(found.s), math.prod(found.s.shape[1:]))
    return Pulled(found.weights, found.x, rows(flat, given).reshape(-1, *found.s.shape[1:]))
