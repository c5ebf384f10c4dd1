"""Layers stacked on one another, each in one or both directions.

Layer l reads the outputs of layer l-1; those of two directions are concatenated (forward first), added or averaged. The
parameters of layer 0 forward have the bare names of the notation; others carry a suffix: ``W_hx_l1``,
``W_hh_reverse``, ``b_h_l1_reverse``. State arrays have one row for each layer and direction: row l * D + d.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from refseq.arrays import zeros
from refseq.cell import Cell
from refseq.networks.packing import Part
from refseq.targets import Feed, Tape, Target, Weights

MERGES = ("concat", "sum", "mean")
"""What becomes of the outputs of two directions."""

Arrays = Mapping[str, np.ndarray]


def parts(
    cell: Cell, sizes: Mapping[str, int], layers: int, directions: int, merge: str, bias: bool
) -> tuple[Part, ...]:
    """Every part of a stack, layer by layer, forward before reverse."""
    found: list[Part] = []
    inputs = sizes["inputs"]
    for layer in range(layers):
        for direction in range(directions):
            suffix = (f"_l{layer}" if layer else "") + ("_reverse" if direction else "")
            own = {**sizes, "inputs": inputs}
            found.append(Part(cell, layer, direction, layer * directions + direction, suffix, own, bias))
        inputs = found[-1].width(cell.state[0]) * (directions if merge == "concat" else 1)
    return tuple(found)


def merged(outputs: Sequence[np.ndarray], merge: str) -> np.ndarray:
    """The outputs of all directions of a layer as one."""
    if len(outputs) == 1:
        return outputs[0]
    if merge == "concat":
        return np.concatenate(outputs, axis=2)
    total = outputs[0] + outputs[1]
    return total / 2 if merge == "mean" else total


def parted(dy: np.ndarray, merge: str, directions: int) -> list[np.ndarray]:
    """The adjoint of merged: a cotangent for each direction."""
    if directions == 1:
        return [dy]
    if merge == "concat":
        return [np.ascontiguousarray(half) for half in np.split(dy, directions, axis=2)]
    return [dy / 2 if merge == "mean" else dy] * directions


@dataclass(frozen=True)
class Recording:
    """A forward pass through the stack, as backward needs it: a part, its weights and its tape, in forward order."""

    target: Target
    entries: tuple[tuple[Part, Weights, Tape], ...]
    merge: str

    def pull(self, dy: np.ndarray, dstate: Arrays) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, np.ndarray]]:
        """The adjoint of forward: gradients of the parameters, of x and of the initial states."""
        return backward(self, dy, dstate)


def forward(
    target: Target,
    stack: Sequence[Part],
    merge: str,
    params: Arrays,
    x: np.ndarray,
    state: Arrays,
    lengths: np.ndarray,
    masks: Arrays,
    every: int | None,
    record: bool = True,
    tilts: Mapping[int, Any] = MappingProxyType({}),
) -> tuple[np.ndarray, dict[str, np.ndarray], Recording | None]:
    """Run the stack: outputs of the last layer (T, B, .), final states (L*D, B, .), and the recording, if there is
    something to ``record``. ``tilts``, by the number of a part: changes that a row makes to it, for the
    target "cpu" (``refseq.engine.target.Tilts``)."""
    entries, outputs = [], []
    final = {name: value.copy() for name, value in state.items()}
    for part in stack:
        if part.direction == 0 and part.layer > 0:
            x, outputs = merged(outputs, merge), []
        weights = part.pack(params)
        sample, names = weights.matrices[0], part.cell.masks
        mask = part.gather(names, masks, sample) if names else zeros((*x.shape[:2], 0, part.wide), sample)
        feed = Feed(x, mask, lengths, part.reverse)
        more = {"tilts": tilts[part.row]} if part.row in tilts else {}
        tape = target.forward(
            part.cell, weights, feed, part.gather(part.cell.state, state, sample), every, record, **more
        )
        if record:
            entries.append((part, weights, tape))
        outputs.append(tape.y)
        part.scatter(tape.final, final)
    return merged(outputs, merge), final, Recording(target, tuple(entries), merge) if record else None


def backward(
    recording: Recording, dy: np.ndarray, dstate: Arrays
) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, np.ndarray]]:
    """The adjoint of forward: gradients of the parameters, of x and of the initial states."""
    grads: dict[str, np.ndarray] = {}
    dstate0 = {name: value.copy() for name, value in dstate.items()}
    directions = 1 + max(part.direction for part, _, _ in recording.entries)
    dx = None
    for part, weights, tape in reversed(recording.entries):
        mine = parted(dy, recording.merge, directions)[part.direction]
        ds = part.gather(part.cell.state, dstate, weights.matrices[0])
        pulled = recording.target.backward(part.cell, weights, tape, mine, ds)
        grads |= part.unpack(pulled.weights)
        part.scatter(pulled.s0, dstate0)
        dx = pulled.x if dx is None else dx + pulled.x
        if part.direction == 0 and part.layer > 0:
            dy, dx = dx, None
    assert dx is not None  # a stack has at least one part
    return grads, dx, dstate0
