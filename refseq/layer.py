"""A layer: a recurrence with its sizes, run forward and backward on a target."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments, initialise
from refseq.arrays import name_of, zeros
from refseq.bound import Bound
from refseq.cell import Cell, labelled
from refseq.cells import catalogue
from refseq.networks import stacked
from refseq.networks.packing import Part
from refseq.run import Arrays, Gradients, Run
from refseq.targets import available, directly, refuse_precision, run_info
from refseq.targets.visiting import guests


@dataclass(frozen=True)
class Layer:
    """An immutable recurrent layer; make one with ``refseq.layer``."""

    cell: Cell
    inputs: int
    units: int
    layers: int = 1
    bidirectional: bool = False
    bias: bool = True
    merge: str = "concat"
    own_sizes: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        for name in ("inputs", "units", "layers"):
            arguments.integer(name, getattr(self, name), 1)
        for name in ("bidirectional", "bias"):
            arguments.flag(name, getattr(self, name))
        if arguments.choice("merge", self.merge, stacked.MERGES) != "concat" and not self.bidirectional:
            raise ValueError(
                f"merge: one direction has nothing to merge, got {self.merge!r} without bidirectional=True"
            )
        given, known = {name for name, _ in self.own_sizes}, set(self.cell.sizes.values()) - {"units"}
        if given != known:
            raise ValueError(f"own_sizes: {self.cell.label} takes {sorted(known)}, got {sorted(given)}")

    def __reduce__(self) -> tuple:
        return Layer, tuple(getattr(self, field.name) for field in fields(self))

    @property
    def directions(self) -> int:
        """2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """One entry for each layer and direction."""
        sizes = {"inputs": self.inputs, "units": self.units, **dict(self.own_sizes)}
        return stacked.parts(self.cell, sizes, self.layers, self.directions, self.merge, self.bias)

    @property
    def outputs(self) -> int:
        """Features of y: D*H where the directions are concatenated."""
        return self.parts[0].width(self.cell.state[0]) * (self.directions if self.merge == "concat" else 1)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states; the first is the output."""
        return self.cell.state

    @property
    def label(self) -> str:
        """The cell with its options, and sizes of its own: ``lstm(projection=2)``, as the command line takes it."""
        return labelled(self.cell.name, {**self.cell.options, **dict(self.own_sizes)})

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name."""
        return {name: shape for part in self.parts for name, shape in part.shapes().items()}

    def state_shape(self, rows: int, name: str | None = None) -> tuple[int, int, int]:
        """Shape of a state's array for this batch size, (L*D, B, H); of the first state if none is named. Raises
        ValueError for what is no state."""
        state = self.cell.state[0] if name is None else arguments.choice("name", name, self.cell.state)
        return (len(self.parts), rows, self.parts[0].width(state))

    def mask_shapes(self, steps: int, rows: int) -> dict[str, tuple[int, ...]]:
        """Shape of every mask that the cell takes, (L*D, T, B, H)."""
        part = self.parts[0]
        return {name: (len(self.parts), steps, rows, part.mask_width(name)) for name in self.cell.masks}

    @property
    def sizes(self) -> str:
        """The layer without its cell, in words: ``3->5 x2 bidirectional``."""
        extra = [f"x{self.layers}"] * (self.layers > 1)
        extra += ["bidirectional" + f" {self.merge}" * (self.merge != "concat")] * self.bidirectional
        return " ".join([f"{self.inputs}->{self.units}", *extra, *["no bias"] * (not self.bias)])

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    def initialise(
        self,
        seed: int = 0,
        scheme: str = "glorot",
        dtype: DTypeLike = "float64",
        *,
        gain: float = 1.0,
        forget_bias: float | None = None,
    ) -> Arrays:
        """Draw parameters; biases are zero.

        scheme: gaussian N(0, gain/n) | glorot | he | orthogonal | identity (recurrent weights; inputs get glorot), see
        ``refseq.initialise``. ``forget_bias`` fills the bias of gate f. Raises ValueError for an unknown scheme or
        dtype, a gain that is not positive, a gain or forget bias that is not finite in the dtype, or a forget bias for
        a cell without forget gate or bias, and TypeError for what is not a number.
        """
        arguments.choice("scheme", scheme, initialise.SCHEMES)
        dtype = arguments.dtype_name("dtype", dtype)
        if arguments.number("gain", gain) <= 0:
            raise ValueError(f"gain: expected a positive number, got {gain}")
        if forget_bias is not None:
            arguments.castable("forget_bias", arguments.number("forget_bias", forget_bias), np.dtype(dtype))
            if not ("f" in self.cell.gates and self.bias):
                raise ValueError(f"forget_bias: {self} has no forget gate with a bias")
        rng = np.random.default_rng(arguments.integer("seed", seed, 0))
        params: Arrays = {}
        for part in self.parts:
            params |= initialise.draw(part, rng, scheme, dtype, gain, forget_bias)
        return params

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
        gradient: bool = True,
    ) -> Run:
        """Run the layer over x (T, B, I), time-major.

        params  dict of arrays with the shapes of ``layer.shapes``; ``state`` None (zeros) or a dict of (L*D, B, H)
        lengths None (T for all) or integers (B,) in 0..T: a row's state is held at its last valid step, y is zero and
                all gradients are exactly zero beyond it, and the reverse direction reverses within the length
        masks   of a layer with zoneout or dropout: a dict of (L*D, T, B, H) for the names in ``layer.cell.masks``, or
                (L*D, 1, B, H) for the same mask at all times
        checkpoint  keep the states of every so many steps only (True: of every sqrt(T)) and compute the rest again in
                backward: memory O(sqrt(T)) instead of O(T), the same result bit for bit
        gradient    False keeps nothing for backward: for inference

        With target "cuda" all arrays but lengths may be on the device, as torch, cupy and numba-cuda have them: then
        the results are there too, in the same kind, and parameters are not searched for NaN (docs/cuda.md).

        All arrays share one dtype, which is the dtype of the result. Raises TypeError or ValueError naming the
        argument; RuntimeError where the target cannot run.
        """
        where, record = available(target), arguments.flag("gradient", gradient)
        refuse_precision(where)
        if lengths is None and masks is None and checkpoint is False:
            done = directly(where, self.parts, params, x, state, record)
            if done is not None:
                return Run(*done[:2], run_info(target), self, done[2])
        return self._forward(params, x, state, lengths, masks, checkpoint, record, target=target)

    @guests("x", "params", "state", "masks")
    def _forward(
        self, params: Any, x: Any, state: Any, lengths: Any, masks: Any, every: Any, record: bool, *, target: str
    ) -> Run:
        """Check the arguments and run."""
        where = available(target)
        params = arguments.parameters(params, self.shapes, where.dtypes, where.name)
        dtype = next(iter(params.values())).dtype
        x = arguments.array("x", x, ("T", "B", self.inputs), dtype)
        steps, rows, _ = x.shape
        counts = arguments.lengths(lengths, steps, rows)
        sample = next(iter(params.values()))
        initial = self._states("state", state, rows, sample)
        given = arguments.masks(masks, self.mask_shapes(steps, rows), dtype)
        every = None if every is False else _piece(every, steps)
        y, final, recording = stacked.forward(
            where, self.parts, self.merge, params, x, initial, counts, given, every, record
        )
        first = self.parts[0]
        directions = sum(part.layer == 0 for part in self.parts)
        info = run_info(target, self.cell, name_of(dtype), first.wide, rows, directions)
        return Run(y, final, info, self, recording)

    def bind(self, params: Mapping[str, np.ndarray]) -> Bound:
        """The layer with these parameters, for inference on the target "cpu": ``layer.bind(params).forward(x)`` is
        ``layer.forward(params, x, gradient=False)``, but the parameters are checked, copied and packed once. Raises
        TypeError or ValueError naming the argument."""
        where = available("cpu")
        refuse_precision(where)
        checked = arguments.parameters(params, self.shapes, where.dtypes, "cpu")
        return Bound(self, checked)

    @guests("dy", "dstate")
    def backward(
        self, run: Run, dy: np.ndarray | None = None, dstate: Mapping[str, np.ndarray | None] | None = None
    ) -> Gradients:
        """BPTT: the gradient of sum(dy * y) + sum(dstate * final state). None stands for zero, in dstate also for a
        single state. Raises TypeError or ValueError naming the argument."""
        if not isinstance(run, Run):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.layer != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.layer}")
        if run._recording is None:
            raise ValueError("run: expected one that kept what backward needs, got one with gradient=False")
        y = run.y
        given = zeros(y.shape, y) if dy is None else arguments.readable("dy", dy, y.shape, y.dtype)
        dfinal = self._states("dstate", dstate, y.shape[1], y, arguments.readable)
        return Gradients(*run._recording.pull(given, dfinal))

    def _states(self, what: str, given: Any, rows: int, sample: np.ndarray, take: Callable = arguments.array) -> Arrays:
        widths = self._state_widths
        shapes = {name: (len(self.parts), rows, width) for name, width in widths}
        return arguments.states(what, given, shapes, sample, take)

    @cached_property
    def _state_widths(self) -> tuple[tuple[str, int], ...]:
        return tuple((name, self.parts[0].width(name)) for name in self.cell.state)


def _piece(checkpoint: Any, steps: int) -> int:
    """Steps between checkpoints."""
    if checkpoint is True:
        return max(1, math.isqrt(steps))
    return arguments.integer("checkpoint", checkpoint, 1)


def layer(
    name: str,
    inputs: int,
    units: int,
    *,
    layers: int = 1,
    bidirectional: bool = False,
    bias: bool = True,
    merge: str = "concat",
    **options: Any,
) -> Layer:
    """A layer of the recurrence ``name`` (see ``refseq.catalogue()``) with ``inputs`` features and ``units`` units.

    ``layers`` are stacked; ``bidirectional`` runs each layer in both directions and joins the outputs (``merge``:
    "concat", "sum" or "mean"); ``bias=False`` leaves out every bias; ``options`` are the recurrence's own
    (``catalogue()[name].options``).
    Raises ValueError or TypeError naming the argument.
    """
    recurrence = catalogue()[arguments.choice("name", name, catalogue())]
    return Layer(
        recurrence.cell(**options),
        arguments.integer("inputs", inputs, 1),
        arguments.integer("units", units, 1),
        arguments.integer("layers", layers, 1),
        arguments.flag("bidirectional", bidirectional),
        arguments.flag("bias", bias),
        arguments.choice("merge", merge, stacked.MERGES),
        tuple(recurrence.sizes(**options).items()),
    )
