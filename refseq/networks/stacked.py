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

from refseq.arrays import beside, contiguous, zeros
from refseq.cell import Cell
from refseq.networks.packing import Part
from refseq.targets import Direction, Feed, Tape, Target, Weights, backward_together, forward_together

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
        return beside(outputs)
    total = outputs[0] + outputs[1]
    return total / 2 if merge == "mean" else total


def parted(dy: np.ndarray, merge: str, directions: int) -> list[np.ndarray]:
    """The adjoint of merged: a cotangent for each direction."""
    if directions == 1:
        return [dy]
    if merge == "concat":
        width = dy.shape[2] // directions
        return [contiguous(dy[:, :, d * width : (d + 1) * width]) for d in range(directions)]
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
    for layer in _layers(stack):
        if layer[0].layer > 0:
            x, outputs = merged(outputs, merge), []
        entering = [_entry(part, params, x, state, lengths, masks, tilts) for part in layer]
        tapes = forward_together(target, layer[0].cell, entering, every, record)
        for part, entry, tape in zip(layer, entering, tapes, strict=True):
            if record:
                entries.append((part, entry.weights, tape))
            outputs.append(tape.y)
            part.scatter(tape.final, final)
    return merged(outputs, merge), final, Recording(target, tuple(entries), merge) if record else None


def _layers(stack: Sequence[Part]) -> list[list[Part]]:
    """The parts of every layer."""
    layers: dict[int, list[Part]] = {}
    for part in stack:
        layers.setdefault(part.layer, []).append(part)
    return list(layers.values())


def _entry(
    part: Part,
    params: Arrays,
    x: np.ndarray,
    state: Arrays,
    lengths: np.ndarray,
    masks: Arrays,
    tilts: Mapping[int, Any],
) -> Direction:
    """What goes into a part."""
    weights = part.pack(params)
    sample, names = weights.matrices[0], part.cell.masks
    mask = part.gather(names, masks, sample) if names else zeros((*x.shape[:2], 0, part.wide), sample)
    more = {"tilts": tilts[part.row]} if part.row in tilts else {}
    return Direction(weights, Feed(x, mask, lengths, part.reverse), part.gather(part.cell.state, state, sample), more)


def backward(
    recording: Recording, dy: np.ndarray, dstate: Arrays
) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, np.ndarray]]:
    """The adjoint of forward: gradients of the parameters, of x and of the initial states."""
    grads: dict[str, np.ndarray] = {}
    dstate0 = {name: value.copy() for name, value in dstate.items()}
    directions = 1 + max(part.direction for part, _, _ in recording.entries)
    entries = {part.row: (weights, tape) for part, weights, tape in recording.entries}
    for layer in reversed(_layers([part for part, _, _ in recording.entries])):
        cotangents = []
        for part in layer:
            weights, tape = entries[part.row]
            ds = part.gather(part.cell.state, dstate, weights.matrices[0])
            cotangents.append((weights, tape, parted(dy, recording.merge, directions)[part.direction], ds))
        pulled = backward_together(recording.target, layer[0].cell, cotangents)
        for part, own in zip(layer, pulled, strict=True):
            grads |= part.unpack(own.weights)
            part.scatter(own.s0, dstate0)
        dy = merged([own.x for own in pulled], "sum")
    return grads, dy, dstate0
