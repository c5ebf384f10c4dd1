"""Test problems: a layer with parameters, inputs, initial states, lengths and cotangents.

What hid real bugs is avoided: states, biases and cotangents are never zero or uniform, sizes differ from one another,
lengths are unequal and include 0 and T. Values are exactly representable in the problem's dtype.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from refseq.checks.function import Function, Named
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.layer import Layer
from refseq.stack import Stack

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Problem:
    """One call of forward and vjp. ``lengths`` None means all T; ``layer`` is a Layer, or a Stack, which has no
    properties."""

    layer: Any
    dtype: str
    label: str
    params: Mapping[str, np.ndarray]
    x: np.ndarray
    state: Mapping[str, np.ndarray]
    lengths: np.ndarray | None
    dy: np.ndarray
    dstate: Mapping[str, np.ndarray]
    masks: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def counts(self) -> np.ndarray:
        """The length of every row."""
        steps, rows, _ = self.x.shape
        return np.full(rows, steps) if self.lengths is None else self.lengths

    @property
    def exact(self) -> Any:
        """The layer whose true values count: its constants are those that the problem's precision can hold."""
        return _representable(self.layer, self.dtype)

    @property
    def function(self) -> Function:
        """The layer as the checks see it (``refseq.checks.function``)."""
        return _function(self.exact, self.lengths)

    @property
    def values(self) -> Named:
        """Everything the loss depends on, by its own name."""
        return {name.removeprefix("d"): value for name, value in inputs(self).items()}

    @property
    def constants(self) -> Named:
        """The masks."""
        return self.masks

    @property
    def cotangents(self) -> Named:
        """Of the outputs and the final state."""
        return forward_tensors(self.dy, self.dstate)


def _function(layer: Any, lengths: np.ndarray | None) -> Function:
    def state(arrays: Named) -> Arrays:
        return {name: arrays[f"state[{name}]"] for name in layer.states}

    def forward(values: Named, masks: Named, target: str) -> tuple[Arrays, Any]:
        params = {name: values[name] for name in layer.shapes}
        run = layer.forward(params, values["x"], state(values), lengths, target, masks=masks)
        return forward_tensors(run.y, run.state), run

    def backward(run: Any, cotangents: Named) -> Arrays:
        grads = layer.backward(run, cotangents["y"], state(cotangents))
        return gradient_tensors(grads.params, grads.x, grads.state)

    return Function(forward, backward)


@lru_cache(maxsize=256)
def _representable(layer: Any, dtype: str) -> Any:
    """The layer with the constants of its cells rounded to this precision, as an implementation has to take them: the
    bound of a clipped memory then is the number that the memory is clipped to."""
    if isinstance(layer, Stack):
        return Stack(tuple(_representable(part, dtype) for part in layer.layers))
    constants = layer.cell.constants
    with np.errstate(over="ignore"):
        rounded = {name: float(np.dtype(dtype).type(value)) for name, value in constants.items()}
    return layer if rounded == constants else replace(layer, cell=replace(layer.cell, constants=rounded))


Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


@dataclass(frozen=True)
class Regime:
    """How values are drawn: their distribution; how much larger than usual weights, states, and signals (inputs and
    cotangents) are."""

    values: Draw
    weights: float = 1.0
    states: float = 1.0
    signals: float = 1.0


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape)


REGIMES: dict[str, Regime] = {
    "generic": Regime(_normal),
    "saturated": Regime(_normal, weights=6.0),
    "tiny": Regime(lambda rng, shape: 1e-3 * rng.normal(size=shape)),
    "large": Regime(_normal, weights=2.0**-10, states=2.0**10, signals=2.0**10),
    "coarse": Regime(lambda rng, shape: rng.integers(-8, 9, shape) / 8.0),
    "sparse": Regime(lambda rng, shape: rng.normal(size=shape) * (rng.random(shape) < 0.5)),
    "zero state": Regime(_normal, states=0.0),
}
"""Regimes of values; coarse ones are few, zeros among them. Weights are divided by sqrt(fan-in)."""


@dataclass(frozen=True)
class Drawing:
    """Draws the arrays of a problem in a regime, exactly representable in a precision."""

    rng: np.random.Generator
    regime: str
    dtype: str

    def numbers(self, shape: tuple[int, ...], scale: float = 1.0) -> np.ndarray:
        """Values times a scale."""
        return (scale * REGIMES[self.regime].values(self.rng, shape)).astype(self.dtype)

    def weights(self, shape: tuple[int, ...]) -> np.ndarray:
        """A matrix for every gate, or a parameter of units."""
        return self.numbers(shape, REGIMES[self.regime].weights / np.sqrt(shape[2]) if len(shape) == 3 else 0.5)

    def signals(self, shape: tuple[int, ...]) -> np.ndarray:
        """Inputs or cotangents."""
        return self.numbers(shape, REGIMES[self.regime].signals)

    def states(self, shape: tuple[int, ...]) -> np.ndarray:
        """Initial states."""
        return self.numbers(shape, REGIMES[self.regime].states)


MASKS = (0.0, 0.5, 1.0)
"""What the entries of masks are drawn from: dropped, expected, kept."""


def spread_lengths(steps: int, rows: int) -> np.ndarray:
    """Unequal lengths with 0 and T among them, in no order."""
    return np.array([(steps, 0, steps // 2, max(steps - 1, 0), min(steps, 1))[b % 5] for b in range(rows)])


@lru_cache(maxsize=256)
def draw(
    layer: Layer | Stack, dtype: str, steps: int, rows: int, regime: str = "generic", padded: bool = True, seed: int = 0
) -> Problem:
    """A problem; the same arguments give the same object, so that its exact values are computed once."""
    rng = np.random.default_rng([seed, steps, rows, layer.inputs, layer.outputs])
    drawing = Drawing(rng, regime, dtype)
    states = {name: layer.state_shape(rows, name) for name in layer.states}
    lengths = spread_lengths(steps, rows) if padded else None
    label = f"{regime} T={steps} B={rows}" + (f" lengths={','.join(map(str, lengths))}" if lengths is not None else "")
    return Problem(
        layer,
        dtype,
        label,
        {name: drawing.weights(shape) for name, shape in layer.shapes.items()},
        drawing.signals((steps, rows, layer.inputs)),
        {name: drawing.states(shape) for name, shape in states.items()},
        lengths,
        drawing.signals((steps, rows, layer.outputs)),
        {name: drawing.signals(shape) for name, shape in states.items()},
        {name: rng.choice(MASKS, shape).astype(dtype) for name, shape in layer.mask_shapes(steps, rows).items()},
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
