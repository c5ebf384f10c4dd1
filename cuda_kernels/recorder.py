"""Launches without a device: everything runs on a machine that launches nothing and keeps what it was asked for.

Every function here gives triples of a label, a kernel, and the arguments of a launch.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

import refseq
from cuda_kernels import arithmetic, losses, norms, resident, tiers, trees, updates
from cuda_kernels.machine import Machine
from cuda_kernels.target import CudaTarget
from refseq import targets
from refseq.losses import cross_entropy_rows, pointwise_rows
from refseq.losses.binary_cross_entropy import element as log_loss
from refseq.losses.squared_error import element as square
from refseq.networks import stacked
from refseq.optimisers import SGD, Adam, RMSprop
from refseq.optimisers.optimiser import build

Launch = tuple[str, Any, tuple]
Variant = tuple[str, Mapping[str, Any]]


class Recorder(Machine):
    """Runs nothing; its arrays are numpy's, whatever is in them."""

    def __init__(self) -> None:
        super().__init__()
        self.launches: list[tuple[Any, tuple]] = []

    def room(self) -> float:
        """As much as is asked for."""
        return math.inf

    @property
    def hardware(self) -> tiers.Device:
        """No device in particular."""
        return tiers.Device()

    def place(self, array: np.ndarray) -> np.ndarray:
        """The array."""
        return np.ascontiguousarray(array)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An array of this shape."""
        return np.zeros(shape, dtype)

    def fetch(self, array: np.ndarray) -> np.ndarray:
        """The array."""
        return array

    def copy(self, target: np.ndarray, source: np.ndarray) -> None:
        """Nothing."""

    def run(self, kernel: Any, grid: tuple[int, ...], threads: int, arguments: tuple, together: bool = False) -> None:
        """Keep the kernel and its arguments."""
        self.launches.append((kernel, arguments))

    def labelled(self, label: str) -> Iterator[Launch]:
        """What it was asked for."""
        return ((label, kernel, arguments) for kernel, arguments in self.launches)


def of_tier(
    variant: Variant, tier: str, units: int, precision: str | None = None, dtype: str = "float32"
) -> Iterator[Launch]:
    """A layer of a recurrence on a tier, with recurrent products in a precision: the kernels of its time loop."""
    name, options = variant
    rows = 4 * tiers.MULTIPROCESSORS  # more than one for a block
    with tiers.using(tier, precision):
        launches = list(_of_layer(refseq.layer(name, 2, units, **options), dtype, 1, rows))
    loops = [launch for launch in launches if launch[1].py_func.__module__ == resident.__name__]
    words = f"{units} {tier} {precision}" if precision else f"{units} {tier}"
    return ((f"{label} {words}", kernel, arguments) for label, kernel, arguments in loops)


def of_layer(variant: Variant, dtype: str) -> Iterator[Launch]:
    """A layer of a recurrence, forward and backward, on the generic tier."""
    name, options = variant
    with tiers.using("generic"):
        return _of_layer(refseq.layer(name, 2, 3, **options), dtype, 4, 5)


def _of_layer(layer: refseq.Layer, dtype: str, steps: int, rows: int) -> Iterator[Launch]:
    target = CudaTarget()
    recorder = target.machine = Recorder()
    masks = {mask: np.ones(shape, dtype) for mask, shape in layer.mask_shapes(steps, rows).items()}
    state = {name: np.zeros(layer.state_shape(rows, name), dtype) for name in layer.states}
    x, lengths = np.zeros((steps, rows, layer.inputs), dtype), np.full(rows, steps)
    given = (layer.parts, layer.merge, layer.initialise(dtype=dtype), x, state, lengths, masks)
    y, final, recording = stacked.forward(target, *given, None)
    assert recording is not None  # it records unless told not to
    recording.pull(np.zeros_like(y), final)
    return recorder.labelled(layer.label)


def of_tree(variant: Variant, dtype: str) -> Iterator[Launch]:
    """A layer over trees, forward and backward."""
    name, options = variant
    layer, recorder, forest = refseq.tree_layer(name, 2, 3, **options), Recorder(), refseq.trees.balanced(3)
    params = layer.initialise(dtype=dtype)
    weights = tuple(part.pack(params) for part in layer.parts)
    run = trees.forward(recorder, layer.cell, weights, forest, np.zeros((forest.nodes, 2), dtype), None)
    trees.backward(recorder, run, np.zeros(run.s.shape, dtype))
    return recorder.labelled(layer.label)


def of_losses(dtype: str) -> Iterator[Launch]:
    """The losses of tokens."""

    def array(*shape: int) -> np.ndarray:
        return np.zeros(shape, dtype)

    pointwise = pointwise_rows.build
    for name, make, options in [
        ("cross_entropy", cross_entropy_rows.build, ()),
        ("binary_cross_entropy", pointwise, (log_loss, 1)),
        ("squared_error", pointwise, (square, 0)),
    ]:
        recorder = Recorder()
        given = (array(4, 3), np.zeros(4, np.int64), array(4, 3), array(1, 3), array(4))
        losses.over_tokens(recorder, make, options, *given, 0, array(2))
        yield from recorder.labelled(name)


def of_optimisers(dtype: str) -> Iterator[Launch]:
    """Every rule."""
    plain = [SGD(0.1), SGD(0.1, momentum=0.5), SGD(0.1, momentum=0.5, nesterov=True)]
    for optimiser in [*plain, Adam(), Adam(amsgrad=True), RMSprop(), RMSprop(centred=True)]:
        recorder, count = Recorder(), len(optimiser.buffers)
        p, s = np.zeros(3, dtype), np.zeros((count, 3), dtype)
        rates = optimiser.rates(1, optimiser.default_rate)
        updates.run_updates(recorder, optimiser.rule, count, build, rates, [(p, p, s, p, s)])
        yield from recorder.labelled(optimiser.rule.__name__)


def of_arrays(dtype: str) -> Iterator[Launch]:
    """What layers need around their launches, for arrays on the device (``cuda_kernels.interop``)."""
    recorder, x = Recorder(), np.zeros((2, 3, 4, 5), dtype)
    recorder.across(x)
    recorder.total(x)
    flat = x.reshape(-1)
    recorder.launch(arithmetic.kernels(dtype).add, (1,), None, flat, flat)
    recorder.launch(arithmetic.kernels(dtype).scale, (1,), None, flat, flat.dtype.type(1))
    return recorder.labelled("arrays")


def of_norms(dtype: str) -> Iterator[Launch]:
    """What clipping needs."""
    recorder, x = Recorder(), np.zeros(2 * norms.FEW * norms.TERMS, dtype)
    norms.sum_of_squares(recorder, [x], 1.0, 1.0)
    norms.multiply_into(recorder, [x], [x], 1.0, 1.0)
    norms.bound_into(recorder, [x], [x], 1.0)
    norms.weighed(recorder, x, x)
    return recorder.labelled("norms")


class Recorded(CudaTarget):
    """The target "cuda" on a recorder: it needs no device."""

    def __init__(self) -> None:
        super().__init__()
        self.machine: Recorder = Recorder()

    def missing(self) -> None:
        """Nothing is."""

    def describe(self) -> str:
        """No device in particular."""
        return "none"


@contextmanager
def recorded() -> Iterator[Recorder]:
    """What runs on the target "cuda" is recorded while this lasts."""
    target, provided = Recorded(), targets._provided
    targets._provided = lambda name: target if name == "cuda" else provided(name)
    try:
        yield target.machine
    finally:
        targets._provided = provided
