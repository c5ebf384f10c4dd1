"""Different layers on one another, each reading the outputs of the one below: ``refseq.stack``.

Parameters, states and masks carry the number of their layer: ``0.W_hx``, ``1.h``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments
from refseq.layer import Arrays, Gradients, Layer, Run
from refseq.targets import available


@dataclass(frozen=True, eq=False)
class StackRun:
    """A forward pass through a stack: outputs y of the last layer, final states, and what ran; see ``refseq.Run``."""

    y: np.ndarray
    state: Arrays
    info: Mapping[str, str]
    layer: "Stack" = field(repr=False)
    _runs: tuple[Run, ...] = field(repr=False)


@dataclass(frozen=True)
class Stack:
    """Immutable; make one with ``refseq.stack``. Every layer's outputs are as many as the next one's inputs."""

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("layers: expected at least one layer, got none")
        for number, layer in enumerate(self.layers):
            if not isinstance(layer, Layer):
                raise TypeError(f"layers[{number}]: expected a refseq layer, got {type(layer).__name__} {layer!r}")
        for number, (below, above) in enumerate(zip(self.layers, self.layers[1:], strict=False)):
            if below.outputs != above.inputs:
                words = f"{below} has {below.outputs} outputs and {above} {above.inputs} inputs"
                raise ValueError(
                    f"layers[{number + 1}]: expected as many inputs as layers[{number}] has outputs; {words}"
                )

    @property
    def inputs(self) -> int:
        """Features of x."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Features of y."""
        return self.layers[-1].outputs

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name."""
        return _joined([layer.shapes for layer in self.layers])

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Names of the states."""
        return tuple(_joined([dict.fromkeys(layer.states) for layer in self.layers]))

    def state_shape(self, rows: int, name: str) -> tuple[int, int, int]:
        """Shape of a state's array for this batch size. Raises ValueError for what is no state."""
        number, _, own = arguments.choice("name", name, self.states).partition(".")
        return self.layers[int(number)].state_shape(rows, own)

    def mask_shapes(self, steps: int, rows: int) -> dict[str, tuple[int, ...]]:
        """Shape of every mask."""
        return _joined([layer.mask_shapes(steps, rows) for layer in self.layers])

    @property
    def label(self) -> str:
        """The cells, from below: ``lstm + gru(reset=before)``."""
        return " + ".join(layer.label for layer in self.layers)

    @property
    def sizes(self) -> str:
        """The layers without their cells, in words."""
        return " + ".join(layer.sizes for layer in self.layers)

    def __str__(self) -> str:
        return " + ".join(map(str, self.layers))

    def initialise(self, seed: int = 0, scheme: str = "glorot", dtype: DTypeLike = "float64", **options: Any) -> Arrays:
        """Parameters of all layers, each from a seed of its own made of ``seed``; see ``Layer.initialise``."""
        seeds = np.random.SeedSequence(arguments.integer("seed", seed, 0)).generate_state(len(self.layers))
        drawn = zip(self.layers, seeds, strict=True)
        found = []
        for number, (layer, own) in enumerate(drawn):
            with _of_layer(number):
                found.append(layer.initialise(int(own), scheme, dtype, **options))
        return _joined(found)

    def forward(
        self,
        params: Mapping[str, np.ndarray],
        x: np.ndarray,
        state: Mapping[str, np.ndarray] | None = None,
        lengths: Any = None,
        target: str = "cpu",
        *,
        masks: Mapping[str, np.ndarray] | None = None,
        checkpoint: bool | int = False,
    ) -> StackRun:
        """Run all layers over x (T, B, I); see ``Layer.forward``. Errors of a layer begin with its number:
        ``layers[1]: params['W_hx']: ...``."""
        given = self._parted("state", state, self.states)
        masked = self._parted("masks", masks, tuple(self.mask_shapes(1, 1)))
        mine, runs = self._parted("params", params, tuple(self.shapes)), []
        host = isinstance(x, np.ndarray)  # of arrays on a device every layer sees that the dtype is one
        if host and isinstance(params, Mapping):  # what is no dict, the first layer refuses
            arguments.common_dtype(params, available(target).dtypes, target)
        for number, layer in enumerate(self.layers):
            with _of_layer(number):
                run = layer.forward(
                    mine[number], x, given[number], lengths, target, masks=masked[number], checkpoint=checkpoint
                )
            runs.append(run)
            x = run.y
        return StackRun(x.copy() if host else x, _joined([run.state for run in runs]), runs[-1].info, self, tuple(runs))

    def backward(
        self, run: StackRun, dy: np.ndarray | None = None, dstate: Mapping[str, np.ndarray | None] | None = None
    ) -> Gradients:
        """BPTT through all layers; see ``Layer.backward``."""
        if not isinstance(run, StackRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.layer != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.layer}")
        given, found = self._parted("dstate", dstate, self.states), []
        for number in reversed(range(len(self.layers))):
            with _of_layer(number):
                found.append(self.layers[number].backward(run._runs[number], dy, given[number]))
            dy = found[-1].x
        found.reverse()
        return Gradients(_joined([g.params for g in found]), found[0].x, _joined([g.state for g in found]))

    def _parted(self, what: str, given: Any, names: tuple[str, ...]) -> list[Any]:
        """Each layer's own part of a dict, without the numbers; None for everybody if nothing is given."""
        if given is None:
            return [None] * len(self.layers)
        if not isinstance(given, Mapping):
            raise TypeError(f"{what}: expected a dict of {list(names)}, got {type(given).__name__}")
        arguments.names(what, given, names)
        found: list[dict[str, Any]] = [{} for _ in self.layers]
        for name, value in given.items():
            number, _, own = name.partition(".")
            found[int(number)][own] = value
        return found


@contextmanager
def _of_layer(number: int) -> Iterator[None]:
    """Errors inside begin with the number of the layer, which knows nothing of it."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"layers[{number}]: {error}") from error


def _joined(parts: list[Any]) -> dict[str, Any]:
    """One dict of all layers' dicts, with the layers' numbers before the names."""
    return {f"{number}.{name}": value for number, part in enumerate(parts) for name, value in part.items()}


def stack(*layers: Layer) -> Stack:
    """These layers on one another, the first reads x: ``refseq.stack(refseq.layer("lstm", 8, 16),
    refseq.layer("gru", 16, 16), refseq.layer("output", 16, 4, activation="softmax"))``.

    Raises TypeError for what is no layer, ValueError where sizes do not meet.
    """
    return Stack(tuple(layers))
