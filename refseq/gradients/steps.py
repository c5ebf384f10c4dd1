"""A run taken apart into single time steps, by the layer's public functions alone.

A step is the map (s_{t-1}, x_t, parameters) -> (s_t, y_t). Here s_t is the *state vector* of a batch row: every state
of every layer of a stack, one after another. Steps of any times and rows are put side by side as the rows of one batch
of length 1, so that a single call of the layer runs all of them, or pulls back all of their cotangents. A row whose
sequence has ended holds its state: its steps are the identity.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import DTYPES, zeros
from refseq.layer import Gradients, Layer, Run
from refseq.primitives import complement

Arrays = dict[str, np.ndarray]

CHUNK = 1 << 14
"""Rows of one call of the layer: what a step of a row stores is a few times its state vector."""


@dataclass(frozen=True)
class StateVector:
    """How the states of a layer, each (L, B, H), are laid out in vectors (B, n): by name, then layer, then unit."""

    shapes: Mapping[str, tuple[int, int]]

    @property
    def size(self) -> int:
        """n."""
        return sum(layers * units for layers, units in self.shapes.values())

    def entries(self, name: str, layer: int | None = None) -> slice:
        """Where the state ``name`` (of one layer only, if given; -1 is the last) stands in the vector."""
        arguments.choice("state", name, self.shapes)
        first = 0
        for other, (layers, units) in self.shapes.items():
            if other == name:
                if layer is None:
                    return slice(first, first + layers * units)
                return slice(first + layer % layers * units, first + (layer % layers + 1) * units)
            first += layers * units
        raise AssertionError  # the name is one of them

    def join(self, state: Mapping[str, np.ndarray]) -> np.ndarray:
        """The vectors (B, n) of states."""
        parts = [state[name].transpose(1, 0, 2) for name in self.shapes]
        return np.concatenate([part.reshape(len(part), part.shape[1] * part.shape[2]) for part in parts], axis=1)

    def split(self, vectors: np.ndarray) -> Arrays:
        """The states of vectors (B, n)."""
        rows = len(vectors)
        return {
            name: vectors[:, self.entries(name)].reshape(rows, *shape).transpose(1, 0, 2)
            for name, shape in self.shapes.items()
        }

    @classmethod
    def of(cls, state: Mapping[str, np.ndarray]) -> "StateVector":
        """The layout of a layer's states."""
        return cls({name: (value.shape[0], value.shape[2]) for name, value in state.items()})


def one_way(layer: Layer, what: str) -> None:
    """Raises ValueError for a layer in two directions: it is no recursion forward in time."""
    if layer.bidirectional:
        raise ValueError(f"layer: {what} runs forward in time only; expected bidirectional=False, got {layer}")


def identity(size: int, like: np.ndarray) -> np.ndarray:
    """The identity matrix over the number field of ``like``, which is not empty."""
    matrix = zeros((size, size), like)
    matrix[np.arange(size), np.arange(size)] = complement(zeros((1,), like)[0])
    return matrix


def masked(masks: Mapping[str, np.ndarray] | None) -> dict[str, Any]:
    """The keyword for a layer that takes masks (zoneout, dropout), nothing for others."""
    return {"masks": masks} if masks else {}


def whole_masks(masks: Any, steps: int) -> Arrays:
    """Masks (L*D, T, B, H) of all T steps, from those that are given once for all times; the layer checks the rest."""
    if masks is None:
        return {}
    if not isinstance(masks, Mapping):
        raise TypeError(f"masks: expected a dict of arrays, got {type(masks).__name__}")
    whole = {}
    for name, mask in masks.items():
        if not isinstance(mask, np.ndarray) or mask.ndim != 4 or mask.shape[1] not in (1, steps):
            found = getattr(mask, "shape", type(mask).__name__)
            raise ValueError(f"masks[{name!r}]: expected shape (L*D, T = {steps} or 1, B, H), got {found}")
        whole[name] = np.repeat(mask, steps, axis=1) if mask.shape[1] == 1 else mask.copy()
    return whole


def during(masks: Arrays, first: int, last: int) -> Arrays:
    """The masks of the steps first <= t < last."""
    return {name: mask[:, first:last] for name, mask in masks.items()}


def no_steps(
    layer: Layer, params: Mapping[str, np.ndarray], x: np.ndarray, state: Any, target: str, masks: Any = None
) -> tuple[Arrays, np.ndarray, Arrays, Run]:
    """Parameters, x and the masks of all steps, checked and copied, and a run over none of the steps: its state is the
    initial state with every name and shape, and its y has the width of the layer's."""
    params = arguments.parameters(params, layer.shapes, DTYPES, target)
    x = arguments.array("x", x, ("T", "B", layer.inputs), next(iter(params.values())).dtype)
    whole = whole_masks(masks, len(x))
    return params, x, whole, layer.forward(params, x[:0], state, None, target, **masked(during(whole, 0, 0)))


def states_like(what: str, given: Any, like: Mapping[str, np.ndarray]) -> Arrays:
    """Arrays like these by name; None, or None for one of them, stands for zeros."""
    if given is None:
        given = dict.fromkeys(like)
    if not isinstance(given, Mapping):
        raise TypeError(f"{what}: expected a dict of {list(like)}, got {type(given).__name__}")
    arguments.names(what, given, like)
    return {
        name: zeros(value.shape, value)
        if given[name] is None
        else arguments.array(f"{what}[{name!r}]", given[name], value.shape, value.dtype)
        for name, value in like.items()
    }


def array_like(what: str, given: Any, shape: tuple[int, ...], like: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """A time-major array, zero in the padding whatever stands there; None stands for zeros."""
    if given is None:
        return zeros(shape, like)
    checked = arguments.array(what, given, shape, like.dtype)
    padding = np.arange(shape[0])[:, None] >= counts
    checked[padding] = zeros((1,), like)[0]
    return checked


def only_rows(state: Arrays, chosen: np.ndarray) -> Arrays:
    """The states of the chosen batch rows, zeros in the others."""
    result = {name: zeros(value.shape, value) for name, value in state.items()}
    for name, value in result.items():
        value[:, chosen] = state[name][:, chosen]
    return result


class Steps:
    """Every step of a run: the state vectors s (T+1, B, n) that it goes through, and its outputs y (T, B, ...)."""

    def __init__(
        self, layer: Layer, params: Any, x: Any, state: Any, lengths: Any, target: str, masks: Any, what: str
    ) -> None:
        """``what`` names the caller in the message for a bidirectional layer."""
        one_way(layer, what)
        self.layer, self.target = layer, target
        self.params, self.x, self.masks, start = no_steps(layer, params, x, state, target, masks)
        self.like = next(iter(self.params.values()))
        self.steps, self.rows, _ = self.x.shape
        self.counts = arguments.lengths(lengths, self.steps, self.rows)
        self.vector, self.width = StateVector.of(start.state), start.y.shape[2]
        self.s = zeros((self.steps + 1, self.rows, self.vector.size), self.like)
        self.y = zeros((self.steps, self.rows, self.width), self.like)
        self.s[0] = self.vector.join(start.state)
        every = np.arange(self.rows)
        for t in range(self.steps):
            run = self.run(np.full(self.rows, t), every)
            self.y[t], self.s[t + 1] = run.y[0], self.vector.join(run.state)

    def run(self, t: np.ndarray, b: np.ndarray) -> Run:
        """The run whose row r is step t[r] of batch row b[r]; steps are counted from 0 and lead from s[t] to s[t+1]."""
        x, before = self.x[t, b][None], self.vector.split(self.s[t, b])
        lengths, masks = (t < self.counts[b]).astype(np.int64), {n: m[:, t, b][:, None] for n, m in self.masks.items()}
        return self.layer.forward(self.params, x, before, lengths, self.target, **masked(masks))

    def pull(self, t: np.ndarray, b: np.ndarray, dy: np.ndarray | None, ds: np.ndarray) -> Gradients:
        """Cotangents dy (N, ...) of y_t and ds (N, n) of s_t, row by row, pulled back through these steps."""
        return self.layer.backward(self.run(t, b), None if dy is None else dy[None], self.vector.split(ds))

    def cotangents(self, dy: Any, dstate: Any) -> tuple[np.ndarray, np.ndarray]:
        """dy and the final states' cotangents (B, n), checked, with zeros for None and in the padding."""
        initial = self.vector.split(self.s[0])
        shape = (self.steps, self.rows, self.width)
        return array_like("dy", dy, shape, self.like, self.counts), self.vector.join(
            states_like("dstate", dstate, initial)
        )

    def jacobians(self) -> np.ndarray:
        """J (T, B, n, n), J[t] = d s[t+1] / d s[t]: every step, T*B*n rows of one batch, with identity cotangents. (One
        call of the layer, or a few where that would be more than ``CHUNK`` rows.)"""
        size, unit = self.vector.size, identity(self.vector.size, self.like)
        t, b, i = (axis.reshape(-1) for axis in np.indices((self.steps, self.rows, size)))
        result = zeros((len(t), size), self.like)
        for first in range(0, len(t), CHUNK):
            part = slice(first, first + CHUNK)
            result[part] = self.vector.join(self.pull(t[part], b[part], None, unit[i[part]]).state)
        return result.reshape(self.steps, self.rows, size, size)
