"""Layers stacked on one another, each in one or both directions.

Layer l reads the outputs of layer l-1; with two directions those are concatenated, forward first. The parameters of
layer 0 forward have the bare names of the notation; others carry a suffix: ``W_hx_l1``, ``W_hh_reverse``,
``b_h_l1_reverse``. State arrays have one row for each layer and direction: row l * D + d.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from refseq.arrays import zeros
from refseq.cell import Cell
from refseq.targets import Pulled, Tape, Target, Weights


@dataclass(frozen=True)
class Part:
    """One direction of one layer: its place in the stack, its input size and what its parameters are called."""

    layer: int
    direction: int
    row: int
    inputs: int
    suffix: str

    @property
    def reverse(self) -> bool:
        """Whether this part runs from the end of each sequence."""
        return self.direction == 1


def parts(inputs: int, units: int, layers: int, directions: int) -> Iterator[Part]:
    """Every part of a stack, layer by layer, forward before reverse."""
    for layer in range(layers):
        for direction in range(directions):
            suffix = (f"_l{layer}" if layer else "") + ("_reverse" if direction else "")
            size = inputs if layer == 0 else units * directions
            yield Part(layer, direction, layer * directions + direction, size, suffix)


def shapes(cell: Cell, part: Part, units: int, bias: bool) -> dict[str, tuple[int, ...]]:
    """The parameters of one part, by full name: gate axis first, then units, then the operand."""
    gates = len(cell.gates)
    result: dict[str, tuple[int, ...]] = {
        "W_hx" + part.suffix: (gates, units, part.inputs),
        "W_hh" + part.suffix: (gates, units, units),
    }
    if bias:
        result["b_h" + part.suffix] = (gates, units)
        result |= {name + part.suffix: (units,) for name in cell.parameters}
    return result


def pack(cell: Cell, part: Part, params: Mapping[str, np.ndarray], bias: bool) -> Weights:
    """The parameters of one part, operand-major for the scan."""
    W, U = (np.ascontiguousarray(params[name + part.suffix].transpose(2, 0, 1)) for name in ("W_hx", "W_hh"))
    gates, units = W.shape[1:]
    if not bias:
        return Weights(W, U, zeros((gates, units), W), zeros((len(cell.parameters), units), W))
    own = [params[name + part.suffix] for name in cell.parameters]
    p = np.stack(own) if own else zeros((0, units), W)
    return Weights(W, U, params["b_h" + part.suffix], p)


def unpack(cell: Cell, part: Part, weights: Weights, bias: bool) -> dict[str, np.ndarray]:
    """The inverse of pack, for gradients."""
    result = {
        "W_hx" + part.suffix: np.ascontiguousarray(weights.W.transpose(1, 2, 0)),
        "W_hh" + part.suffix: np.ascontiguousarray(weights.U.transpose(1, 2, 0)),
    }
    if bias:
        result["b_h" + part.suffix] = weights.b
        result |= {name + part.suffix: weights.p[i].copy() for i, name in enumerate(cell.parameters)}
    return result


@dataclass(frozen=True)
class Recording:
    """A forward pass through the stack, as backward needs it: a part, its weights and its tape, in forward order."""

    entries: tuple[tuple[Part, Weights, Tape], ...]


def forward(
    target: Target,
    cell: Cell,
    stack: list[Part],
    params: Mapping[str, np.ndarray],
    bias: bool,
    x: np.ndarray,
    state: Mapping[str, np.ndarray],
    lengths: np.ndarray,
) -> tuple[np.ndarray, dict[str, np.ndarray], Recording]:
    """Run the stack: outputs of the last layer (T, B, D*H), final states (L*D, B, H), and the recording."""
    entries, rows, outputs = [], np.arange(len(lengths)), []
    final = {name: value.copy() for name, value in state.items()}
    for part in stack:
        if part.direction == 0 and part.layer > 0:
            x, outputs = np.concatenate(outputs, axis=2), []
        s0 = np.stack([state[name][part.row] for name in cell.state], axis=1)
        weights = pack(cell, part, params, bias)
        tape = target.forward(cell, weights, x, s0, lengths, part.reverse)
        entries.append((part, weights, tape))
        outputs.append(tape.y)
        for i, name in enumerate(cell.state):
            final[name][part.row] = tape.s[lengths, rows, i]
    return np.concatenate(outputs, axis=2), final, Recording(tuple(entries))


def backward(
    target: Target,
    cell: Cell,
    recording: Recording,
    bias: bool,
    dy: np.ndarray,
    dstate: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, np.ndarray]]:
    """The adjoint of forward: gradients of the parameters, of x and of the initial states."""
    grads: dict[str, np.ndarray] = {}
    dstate0 = {name: value.copy() for name, value in dstate.items()}
    units = dstate[cell.state[0]].shape[2]
    dx = None
    for part, weights, tape in reversed(recording.entries):
        mine = np.ascontiguousarray(dy[:, :, part.direction * units : (part.direction + 1) * units])
        ds = np.stack([dstate[name][part.row] for name in cell.state], axis=1)
        pulled: Pulled = target.backward(cell, weights, tape, mine, ds)
        grads |= unpack(cell, part, pulled.weights, bias)
        for i, name in enumerate(cell.state):
            dstate0[name][part.row] = pulled.s0[:, i]
        dx = pulled.x if dx is None else dx + pulled.x
        if part.direction == 0 and part.layer > 0:
            dy, dx = dx, None
    assert dx is not None  # a stack has at least one part
    return grads, dx, dstate0
