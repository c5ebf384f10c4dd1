"""A certificate of a long run, step by step: each state follows from the one before, up to rounding.

A bound of the error of a whole run grows exponentially with its length, true or not. So each step is judged by itself:
from the state that the run says it was in, the exact next state is enclosed, and a rigorous bound of what one step's
rounding can do is computed beside it (``proofs.intervals.computed``). The bound is as tight at step 10,000 as at the
first. What is certified: the run is the orbit of the recurrence with a disturbance of at most ``residual`` at each
step.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from flint import arb

from proofs.intervals.computed import Computed
from refseq import arguments
from refseq.arrays import lift
from refseq.fields.ball import precision
from refseq.gradients.steps import masked, one_way, whole_masks
from refseq.layer import Layer

Arrays = dict[str, np.ndarray]
BITS = 128
ROWS = 1000
"""Steps that are run side by side."""


@dataclass(frozen=True)
class Certificate:
    """For each state by name, arrays (T, L, B, H): ``residual``, an upper bound of |s_t - step(s_{t-1})|, and
    ``bound``, what rounding may make of it."""

    residual: Mapping[str, np.ndarray]
    bound: Mapping[str, np.ndarray]

    @property
    def ratio(self) -> float:
        """The largest residual / bound; at most 1 for a correct run. NaN if there is one."""
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = [np.where(r == 0, 0.0, r / self.bound[name]) for name, r in self.residual.items()]
        return float(np.max([np.max(part, initial=0.0) for part in parts], initial=0.0))

    @property
    def holds(self) -> bool:
        """Whether every step is within its bound."""
        return self.ratio <= 1

    @property
    def worst(self) -> tuple[str, int, int, int, int]:
        """State, step (counted from 0), layer, row and unit of the largest residual / bound."""
        found = []
        for name, r in self.residual.items():
            with np.errstate(divide="ignore", invalid="ignore"):
                ratios = np.where(r == 0, 0.0, r / self.bound[name])
            place = np.unravel_index(np.argmax(np.where(np.isnan(ratios), np.inf, ratios)), ratios.shape)
            found.append((ratios[place], (name, *map(int, place))))
        return max(found, key=lambda entry: np.inf if np.isnan(entry[0]) else entry[0])[1]

    def drift(self, gamma: float) -> np.ndarray:
        """An upper bound of ||run - exact run||_2 of all states together after each step (T, B), of a recurrence whose
        steps shrink every distance by ``gamma`` < 1: d_t = gamma d_{t-1} + ||residual_t||. Raises ValueError for
        another gamma."""
        if not 0 <= gamma < 1:
            raise ValueError(f"gamma: expected a number in [0, 1), got {gamma}")
        squares = sum(np.sum(residual**2, axis=(1, 3)) for residual in self.residual.values())
        steps, distance = np.sqrt(np.asarray(squares)) * (1 + 2.0**-30), np.zeros(squares.shape[1:])  # type: ignore[union-attr]
        result = np.zeros_like(steps)
        for t, step in enumerate(steps):
            distance = (gamma * distance + step) * (1 + 2.0**-50)
            result[t] = distance
        return result


def certify(
    layer: Layer,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    states: Mapping[str, np.ndarray],
    *,
    masks: Mapping[str, np.ndarray] | None = None,
) -> Certificate:
    """Judge every step of anybody's run: s_0, ..., s_T and the inputs x_1, ..., x_T are given, all in one precision.

    params  as in ``Layer.forward``, float32 or float64; x (T, B, I); masks (L, T, B, H) or for all times (L, 1, B, H)
    states  of each name an array (T+1, L, B, H), the initial state first

    The bound holds for every order of sums, with and without fused multiply-add, and for activations that are accurate
    to 8 unit roundoffs. Raises TypeError or ValueError naming the argument; ValueError for a bidirectional layer.
    """
    one_way(layer, "a certificate")
    params = arguments.parameters(params, layer.shapes, ("float32", "float64"), "a certificate")
    dtype = next(iter(params.values())).dtype
    x = arguments.array("x", x, ("T", "B", layer.inputs), dtype)
    steps, rows, _ = x.shape
    arguments.names("states", states, layer.states)
    given = {
        name: arguments.array(f"states[{name!r}]", states[name], (steps + 1, *layer.state_shape(rows, name)), dtype)
        for name in layer.states
    }
    u = float(np.finfo(dtype).eps) / 2
    numbers = {name: _numbers(value, u) for name, value in params.items()}
    whole = whole_masks(masks, steps)
    found = {name: (np.zeros(s[1:].shape), np.zeros(s[1:].shape)) for name, s in given.items()}
    piece = max(1, ROWS // max(1, rows))
    for first in range(0, steps, piece):
        part = slice(first, min(first + piece, steps))
        before = {name: _numbers(_side_by_side(s[:-1][part]), u) for name, s in given.items()}
        inside = {name: _numbers(_flat_mask(mask[:, part]), u) for name, mask in whole.items()}
        inputs = _numbers(x[part].reshape(1, (part.stop - first) * rows, x.shape[2]), u)
        with precision(BITS):
            after = layer.forward(numbers, inputs, before, None, "reference", **masked(inside)).state
            for name, s in given.items():
                judged = _judged(_side_by_side(s[1:][part]), after[name])
                for target, values in zip(found[name], judged, strict=True):
                    target[part] = _apart(values, part.stop - first)
    return Certificate({n: pair[0] for n, pair in found.items()}, {n: pair[1] for n, pair in found.items()})


def _numbers(array: np.ndarray, u: float) -> np.ndarray:
    return lift(array, lambda number: Computed.exact(number, u))


def _side_by_side(states: np.ndarray) -> np.ndarray:
    """(T, L, B, H) as rows of one batch (L, T*B, H)."""
    steps, layers, rows, units = states.shape
    return states.transpose(1, 0, 2, 3).reshape(layers, steps * rows, units)


def _apart(values: np.ndarray, steps: int) -> np.ndarray:
    """The inverse of ``_side_by_side``."""
    layers, several, units = values.shape
    return values.reshape(layers, steps, several // max(steps, 1), units).transpose(1, 0, 2, 3)


def _flat_mask(mask: np.ndarray) -> np.ndarray:
    layers, steps, rows, units = mask.shape
    return mask.reshape(layers, 1, steps * rows, units)


def _judged(states: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper bounds of the distance to the exact state, and what rounding may make of it."""
    residual, bound = np.zeros(states.shape), np.zeros(states.shape)
    for index in np.ndindex(*states.shape):
        number: Computed = after[index]  # type: ignore[assignment] - an array of objects
        distance = abs(arb(float(states[index])) - number.value).upper()
        residual[index] = float(distance) * (1 + 2.0**-50) if np.isfinite(states[index]) else np.nan
        bound[index] = number.bound
    return residual, bound
