"""Every kernel that there is, with the arguments of a launch: found by running everything on a machine that launches
nothing and keeps what it was asked for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import refseq
from cuda_kernels.machine import Machine
from cuda_kernels.target import CudaTarget
from refseq.networks import stacked

DTYPES = ("float32", "float64")


class Recorder(Machine):
    """Runs nothing; its arrays are numpy's, whatever is in them."""

    def __init__(self) -> None:
        super().__init__()
        self.launches: list[tuple[Any, tuple]] = []

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

    def run(self, kernel: Any, grid: tuple[int, ...], threads: int, arguments: tuple) -> None:
        """Keep the kernel and its arguments."""
        self.launches.append((kernel, arguments))


@dataclass(frozen=True)
class Entry:
    """A kernel: its name, unique together with the precision, and arguments whose types are those of a launch."""

    name: str
    dtype: str
    kernel: Any
    arguments: tuple


def catalogue() -> list[tuple[str, Mapping[str, Any]]]:
    """Every recurrence with every example of every option, the other options at their defaults."""
    return [
        (name, options)
        for name, entry in refseq.catalogue().items()
        for options in entry.variants()
        if REFUSED.get(name) not in options
    ]


REFUSED = {"output": "dropout", "additive": "dropout", "skip": "zoneout"}
"""Without a recurrent matrix there is nothing to drop; what keeps older states cannot hold one of them back."""

REPRESENTATIVES = [
    ("lstm", {"projection": 2, "clip": 0.5}),
    ("lstm", {"normalise": True}),
    ("gru", {}),
    ("jordan", {"output": "softmax"}),
    ("leaky", {"learn": "unit"}),
]
"""Between them every kind of product, stage and operation: what a commit can wait for."""


def of_layer(variant: tuple[str, Mapping[str, Any]], dtype: str) -> Iterator[Entry]:
    """The kernels of a layer of this recurrence: its own two, and those that all layers share."""
    name, options = variant
    layer, target = refseq.layer(name, 2, 3, **options), CudaTarget()
    recorder = target.machine = Recorder()
    params, masks = layer.initialise(dtype=dtype), layer.mask_shapes(4, 5)
    given = {mask: np.ones(shape, dtype) for mask, shape in masks.items()}
    record_layer(target, layer, params, np.zeros((4, 5, 2), dtype), given)
    for kernel, arguments in recorder.launches:
        module = kernel.py_func.__module__.rpartition(".")[2]
        yield Entry(
            f"{layer.label if module == 'scan' else module} {kernel.py_func.__name__}", dtype, kernel, arguments
        )


def record_layer(target: CudaTarget, layer: refseq.Layer, params: dict, x: np.ndarray, masks: dict) -> None:
    """Forward and backward."""
    steps, rows, _ = x.shape
    state = {name: np.zeros(layer.state_shape(rows, name), x.dtype) for name in layer.states}
    lengths = np.full(rows, steps)
    y, final, recording = stacked.forward(target, layer.parts, layer.merge, params, x, state, lengths, masks, None)
    stacked.backward(target, recording, np.zeros_like(y), final)


def entries(variants: list[tuple[str, Mapping[str, Any]]], dtypes: tuple[str, ...] = DTYPES) -> list[Entry]:
    """The kernels of layers of these recurrences, and all others; each once."""
    found: dict[tuple[str, str], Entry] = {}
    for dtype in dtypes:
        for variant in variants:
            for entry in of_layer(variant, dtype):
                found.setdefault((entry.name, dtype), entry)
        for source in OTHERS:
            for entry in source(dtype):
                found.setdefault((entry.name, dtype), entry)
    return list(found.values())


OTHERS: list[Callable[[str], Iterator[Entry]]] = []
"""Kernels that belong to no layer."""
