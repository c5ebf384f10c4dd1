"""Test problems: a layer with parameters, inputs, initial states, lengths and cotangents.

What hid real bugs is avoided: states, biases and cotangents are never zero or uniform, sizes differ from one another,
lengths are unequal and include 0 and T. Values are exactly representable in the problem's dtype.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from refseq.checks.tensors import gradient_tensors
from refseq.layer import Layer

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Problem:
    """One call of forward and vjp. ``lengths`` None means all T."""

    layer: Layer
    dtype: str
    label: str
    params: Mapping[str, np.ndarray]
    x: np.ndarray
    state: Mapping[str, np.ndarray]
    lengths: np.ndarray | None
    dy: np.ndarray
    dstate: Mapping[str, np.ndarray]

    @property
    def counts(self) -> np.ndarray:
        """The length of every row."""
        steps, rows, _ = self.x.shape
        return np.full(rows, steps) if self.lengths is None else self.lengths


Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

REGIMES: dict[str, tuple[float, Draw]] = {
    # how much larger than usual the weights are; the distribution of all values
    "generic": (1.0, lambda rng, shape: rng.normal(size=shape)),
    "saturated": (6.0, lambda rng, shape: rng.normal(size=shape)),
    "tiny": (1.0, lambda rng, shape: 1e-3 * rng.normal(size=shape)),
    "dyadic": (1.0, lambda rng, shape: rng.integers(-8, 9, shape) / 8.0),
    "sparse": (1.0, lambda rng, shape: rng.normal(size=shape) * (rng.random(shape) < 0.5)),
}
"""Regimes of values."""


def spread_lengths(steps: int, rows: int) -> np.ndarray:
    """Unequal lengths with 0 and T among them, in no order."""
    return np.array([(steps, 0, steps // 2, max(steps - 1, 0), min(steps, 1))[b % 5] for b in range(rows)])


@lru_cache(maxsize=256)
def draw(
    layer: Layer, dtype: str, steps: int, rows: int, regime: str = "generic", padded: bool = True, seed: int = 0
) -> Problem:
    """A problem; the same arguments give the same object, so that its exact values are computed once."""
    rng = np.random.default_rng([seed, steps, rows, layer.inputs, layer.units])
    gain, values = REGIMES[regime]

    def numbers(shape: tuple[int, ...], scale: float = 1.0) -> np.ndarray:
        return (scale * values(rng, shape)).astype(dtype)

    params = {
        name: numbers(shape, gain / np.sqrt(shape[2]) if len(shape) == 3 else gain / 2)
        for name, shape in layer.shapes.items()
    }
    shape = layer.state_shape(rows)
    names = layer.cell.state
    lengths = spread_lengths(steps, rows) if padded else None
    label = f"{regime} T={steps} B={rows}" + (f" lengths={','.join(map(str, lengths))}" if lengths is not None else "")
    return Problem(
        layer,
        dtype,
        label,
        params,
        numbers((steps, rows, layer.inputs)),
        {name: numbers(shape) for name in names},
        lengths,
        numbers((steps, rows, layer.units * layer.directions)),
        {name: numbers(shape) for name in names},
    )


def inputs(problem: Problem) -> dict[str, np.ndarray]:
    """Everything the loss depends on, by the name of its gradient."""
    return gradient_tensors(problem.params, problem.x, problem.state)


def with_inputs(problem: Problem, tensors: Mapping[str, np.ndarray]) -> Problem:
    """The problem with these inputs in place of its own; the inverse of ``inputs``."""
    return replace(
        problem,
        params={name: tensors["d" + name] for name in problem.params},
        x=tensors["dx"],
        state={name: tensors[f"dstate[{name}]"] for name in problem.state},
    )
