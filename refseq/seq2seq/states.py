"""States of any layer or stack as one vector for every row, and back; rows turned around; dicts whose names carry a
prefix."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from refseq.arrays import Elsewhere, beside, contiguous, sample
from refseq.arrays import rows as rows_of
from refseq.layer import Layer
from refseq.primitives import zero
from refseq.stack import Stack

Recurrent = Layer | Stack
Arrays = dict[str, np.ndarray]


def recurrent(name: str, value: Any) -> Recurrent:
    """A layer or stack."""
    if not isinstance(value, (Layer, Stack)):
        raise TypeError(f"{name}: expected a refseq layer or stack, got {type(value).__name__}")
    return value


def state_sizes(layer: Recurrent) -> dict[str, tuple[int, int]]:
    """Layers times directions and units of every state."""
    shapes = {name: layer.state_shape(1, name) for name in layer.states}
    return {name: (shape[0], shape[2]) for name, shape in shapes.items()}


def as_vector(layer: Recurrent, state: Mapping[str, np.ndarray]) -> np.ndarray:
    """All states (L*D, B, H), one after another, as (B, S)."""
    parts = [state[name].transpose(1, 0, 2) for name in layer.states]
    return beside([part.reshape(part.shape[0], part.shape[1] * part.shape[2]) for part in parts])


def as_states(layer: Recurrent, vector: np.ndarray) -> Arrays:
    """The inverse of ``as_vector``."""
    found, first = {}, 0
    for name, (parts, units) in state_sizes(layer).items():
        last = first + parts * units
        own = vector[:, first:last].reshape(len(vector), parts, units)
        found[name], first = contiguous(own.transpose(1, 0, 2)), last
    return found


def top_state(layer: Recurrent) -> str:
    """The state whose last entry along the first axis is the output of the last layer."""
    if isinstance(layer, Stack):
        return f"{len(layer.layers) - 1}.{layer.layers[-1].states[0]}"
    return layer.states[0]


def one_way(layer: Recurrent) -> bool:
    """Whether it runs forward only."""
    layers = layer.layers if isinstance(layer, Stack) else (layer,)
    return not any(part.bidirectional for part in layers)


def turned(array: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Every row of (T, B, ...) backwards within its length; its own inverse and adjoint."""
    steps = np.arange(len(array))[:, None]
    return placed(array, np.where(steps < counts, counts - 1 - steps, steps))


def placed(array: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Of (T, B, ...) at time t of row b what stands at time places[t, b] of it, and 0 for a place below 0."""
    rows = np.arange(places.shape[1])
    if isinstance(array, Elsewhere):
        index = np.where(places < 0, -1, places * len(rows) + rows)
        return rows_of(array.reshape(index.size, array.shape[2]), index.reshape(-1)).reshape(array.shape)
    found = np.ascontiguousarray(array[np.maximum(places, 0), rows])
    if (places < 0).any():
        found[places < 0] = zero(sample(array))
    return found


def joined(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One dict, with the parts' names before the names."""
    return {f"{part}.{name}": value for part, own in parts.items() for name, value in own.items()}


def of_part(given: Mapping[str, Any], part: str) -> dict[str, Any]:
    """One part of what was joined."""
    return {name.removeprefix(f"{part}."): value for name, value in given.items() if name.startswith(f"{part}.")}


def add_into(total: Arrays, more: Mapping[str, np.ndarray]) -> None:
    """total[name] += more[name], where a new name begins."""
    for name, value in more.items():
        total[name] = total[name] + value if name in total else value
