"""What is timed: a case has passes (its timed functions), inputs, and counts of its work.

layer      forward; both = forward and BPTT with the gradients of parameters, inputs and initial state
operation  call, see ``refseq.bench.operations``
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from refseq.bench.shapes import Shape
from refseq.layer import Layer
from refseq.layer import layer as make_layer

Arrays = dict[str, np.ndarray]


class Case(ABC):
    """Something to be timed in one precision. ``passes`` are the names of its timed functions."""

    passes: tuple[str, ...]
    dtype: str

    @property
    @abstractmethod
    def label(self) -> str:
        """The cell or operation, as the command line takes it."""

    @property
    @abstractmethod
    def size(self) -> str:
        """The shape in words."""

    @abstractmethod
    def inputs(self) -> Any:
        """What every library is given, drawn with a fixed seed."""

    @abstractmethod
    def truth(self, inputs: Any) -> dict[str, Arrays]:
        """The results of every pass, by refseq in float64 of the same inputs."""

    @abstractmethod
    def flops(self, passed: str) -> int | None:
        """Floating-point operations of the matrix products of a pass; None where there are none."""

    @abstractmethod
    def traffic(self, passed: str) -> int:
        """Bytes of everything that goes in and comes out of a pass, each counted once."""

    @property
    @abstractmethod
    def terms(self) -> int:
        """The most numbers that are added up on the way to one result, for the allowance for rounding."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """For JSON; ``refseq.bench.plans.case`` is the inverse."""

    @property
    def key(self) -> str:
        """What names the case in a file of results."""
        return f"{self.label} {self.size} {self.dtype}"


@dataclass(frozen=True)
class Inputs:
    """Of a layer: parameters, x (T, B, I), initial state and the cotangent dy (T, B, H) of the outputs."""

    params: Arrays
    x: np.ndarray
    state: Arrays
    dy: np.ndarray

    def astype(self, dtype: str) -> "Inputs":
        """The same numbers in another precision."""
        cast = [{name: value.astype(dtype) for name, value in given.items()} for given in (self.params, self.state)]
        return Inputs(cast[0], self.x.astype(dtype), cast[1], self.dy.astype(dtype))


@dataclass(frozen=True)
class LayerCase(Case):
    """A plain layer (one level, one direction) of a recurrence with these options."""

    recurrence: str
    options: tuple[tuple[str, Any], ...]
    shape: Shape
    dtype: str
    passes = ("forward", "both")

    @cached_property
    def layer(self) -> Layer:
        """The layer."""
        return make_layer(self.recurrence, self.shape.I, self.shape.H, **dict(self.options))

    @property
    def label(self) -> str:
        """See ``Case``."""
        return self.layer.label

    @property
    def size(self) -> str:
        """See ``Case``."""
        return str(self.shape)

    def inputs(self) -> Inputs:
        """Glorot's weights with small biases, everything else normal."""
        rng, dtype, layer = np.random.default_rng(1), np.dtype(self.dtype), self.layer
        params = layer.initialise(seed=0, dtype=self.dtype)
        params = {n: p if p.any() else (rng.normal(size=p.shape) / 10).astype(dtype) for n, p in params.items()}
        draw = [rng.normal(size=size).astype(dtype) for size in self._shapes()]
        state = dict(zip(layer.states, draw[2:], strict=True))
        return Inputs(params, draw[0], state, draw[1])

    def _shapes(self) -> list[tuple[int, ...]]:
        """Of x, dy and the states."""
        T, B, layer = self.shape.T, self.shape.B, self.layer
        return [(T, B, self.shape.I), (T, B, layer.outputs), *(layer.state_shape(B, name) for name in layer.states)]

    def truth(self, inputs: Inputs) -> dict[str, Arrays]:
        """refseq on the target "cpu" in float64."""
        exact = inputs.astype("float64")
        run = self.layer.forward(exact.params, exact.x, exact.state)
        grads = self.layer.backward(run, exact.dy)
        forward = named_run(run.y, run.state)
        return {"forward": forward, "both": forward | named_gradients(grads.params, grads.x, grads.state)}

    def flops(self, passed: str) -> int:
        """2 T B (number of entries of all matrices) for the products of forward; backward has two for each of these,
        W^T da and da x^T. Elementwise work is not counted."""
        entries = sum(int(np.prod(shape)) for shape in self.layer.shapes.values() if len(shape) == 3)
        return 2 * self.shape.T * self.shape.B * entries * (1 if passed == "forward" else 3)

    def traffic(self, passed: str) -> int:
        """forward reads x, parameters and state, and writes y and state; both also reads dy and writes as many
        gradients as there are inputs."""
        x, y, *states = (int(np.prod(shape)) for shape in self._shapes())
        params = sum(int(np.prod(shape)) for shape in self.layer.shapes.values())
        given = x + params + sum(states)
        numbers = given + y + sum(states) + (y + given if passed == "both" else 0)
        return numbers * np.dtype(self.dtype).itemsize

    @property
    def terms(self) -> int:
        """A gradient of a weight sums over T B, and errors pass through T steps of I + H products each."""
        return self.shape.T * (self.shape.B + self.shape.I + self.shape.H)

    def to_dict(self) -> dict[str, Any]:
        """See ``Case``."""
        options = dict(self.options)
        sizes = astuple(self.shape)
        return {"kind": "layer", "name": self.recurrence, "options": options, "shape": list(sizes), "dtype": self.dtype}


def named_run(y: Any, final: Mapping[str, Any]) -> Arrays:
    """Outputs and final states by the names that tables use."""
    return {"y": np.asarray(y), **{f"final {name}": np.asarray(value) for name, value in final.items()}}


def named_gradients(params: Mapping[str, Any], x: Any, state: Mapping[str, Any]) -> Arrays:
    """Gradients by the names that tables use."""
    found = {f"d{name}": np.asarray(value) for name, value in params.items()} | {"dx": np.asarray(x)}
    return found | {f"dstate[{name}]": np.asarray(value) for name, value in state.items()}
