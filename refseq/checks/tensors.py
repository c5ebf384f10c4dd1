"""The tensors that are judged: their names, and where in the layer or network an entry belongs.

Forward: ``y`` and ``state[h]``. Gradients: ``d`` before a parameter's name, ``dx``, and ``dstate[h]`` for the initial
state.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from refseq.checks.verdict import Place
from refseq.graph_layer import GraphLayer
from refseq.layer import Layer
from refseq.stack import Stack
from refseq.tree_layer import TreeLayer

Arrays = dict[str, np.ndarray]


class System(Protocol):
    """A system that is neither a layer nor a network of cells: it says itself what the axes of its arrays are."""

    @property
    def label(self) -> str:
        """Its kind and options."""
        ...

    @property
    def sizes(self) -> str:
        """Its sizes, in words."""
        ...

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of every parameter by name."""
        ...

    @property
    def axes(self) -> Mapping[str, Sequence[str]]:
        """What the axes are called, of every parameter, input and result by name: "time", "row", "unit", or any
        word."""
        ...


Judged = Layer | Stack | TreeLayer | GraphLayer | System
"""What the tensors may belong to."""
DIRECTIONS = ("forward", "reverse")


def forward_tensors(y: np.ndarray, state: Mapping[str, np.ndarray]) -> Arrays:
    """The results of forward by tensor name."""
    return {"y": y, **{f"state[{name}]": value for name, value in state.items()}}


def gradient_tensors(params: Mapping[str, np.ndarray], x: np.ndarray, state: Mapping[str, np.ndarray]) -> Arrays:
    """The results of vjp by tensor name."""
    grads = {"d" + name: value for name, value in params.items()}
    return {**grads, "dx": x, **{f"dstate[{name}]": value for name, value in state.items()}}


@lru_cache(maxsize=256)
def _owners(layer: Layer) -> dict[str, tuple[int, int]]:
    """Layer and direction of every parameter."""
    return {name: (part.layer, part.direction) for part in layer.parts for name in part.shapes()}


@lru_cache(maxsize=256)
def _gates(layer: Layer | TreeLayer | GraphLayer) -> dict[str, tuple[str, ...]]:
    """Names of the blocks of every matrix and bias."""
    parts = (layer.part,) if isinstance(layer, GraphLayer) else layer.parts
    return {name: gates for part in parts for name, gates in part.blocks().items()}


def in_time(layer: Judged, tensor: str) -> bool:
    """Whether the first axis of a tensor is time."""
    return isinstance(layer, (Layer, Stack)) and tensor in ("y", "dx")


def place(layer: Judged, tensor: str, index: tuple[int, ...]) -> Place:
    """Where the entry ``index`` of a tensor belongs."""
    if isinstance(layer, (TreeLayer, GraphLayer)):
        return _place_in_network(layer, tensor, index)
    if isinstance(layer, Layer):
        return _place(layer, tensor, index)
    if not isinstance(layer, Stack):
        return _place_in_system(layer, tensor, index)
    if tensor in ("y", "dx"):
        number = len(layer.layers) - 1 if tensor == "y" else 0
        return replace(_place(layer.layers[number], tensor, index), tensor=tensor, layer=number)
    # dW_hx of layer 1 is d1.W_hx, its state h is state[1.h]
    before, number, own = re.fullmatch(r"(d|d?state\[)(\d+)\.(.+)", tensor).groups()  # type: ignore[union-attr]
    inside = _place(layer.layers[int(number)], before + own, index)
    return replace(inside, tensor=tensor, layer=int(number))


def _place(layer: Layer, tensor: str, index: tuple[int, ...]) -> Place:
    several, both = layer.layers > 1, layer.bidirectional

    def where(number: int, direction: int) -> dict:
        return {"layer": number if several else None, "direction": DIRECTIONS[direction] if both else None}

    if tensor == "y":
        time, row, column = index
        width = layer.parts[-1].width(layer.cell.state[0])
        home = where(layer.layers - 1, column // width)
        if layer.merge != "concat":
            home["direction"] = None
        return Place(tensor, time=time, row=row, unit=column % width, **home)
    if tensor == "dx":
        return Place(tensor, time=index[0], row=index[1])
    if tensor.startswith(("state[", "dstate[")):
        number, direction = divmod(index[0], layer.directions)
        return Place(tensor, row=index[1], unit=index[2], **where(number, direction))
    name = tensor.removeprefix("d")
    home = where(*_owners(layer)[name])
    if name not in _gates(layer):
        return Place(tensor, unit=_unit(layer, name, index), **home)
    return Place(tensor, gate=_gates(layer)[name][index[0]], unit=index[1], **home)


def _unit(layer: Layer | TreeLayer | GraphLayer, name: str, index: tuple[int, ...]) -> int | None:
    """The unit of an entry of a parameter with one number for each, None if all units share one."""
    return index[0] if layer.shapes[name][0] > 1 else None


def _place_in_network(layer: TreeLayer | GraphLayer, tensor: str, index: tuple[int, ...]) -> Place:
    name = tensor.removeprefix("d")
    if name in layer.shapes:
        if len(index) == 1:
            return Place(tensor, unit=_unit(layer, name, index))
        # the messages of a graph network have a matrix for every kind of edge
        gates = _gates(layer).get(name) or tuple(f"kind {k}" for k in range(layer.shapes[name][0]))
        return Place(tensor, gate=gates[index[0]], unit=index[1])
    if tensor.startswith("dweights["):
        return Place(tensor, edge=index[0])
    if tensor.startswith("dstate["):  # of the leaves, in their order
        return Place(tensor, row=index[0], unit=index[1])
    return Place(tensor, node=index[0], unit=index[1])


def _place_in_system(system: System, tensor: str, index: tuple[int, ...]) -> Place:
    axes = system.axes[tensor if tensor in system.axes else tensor.removeprefix("d")]
    named: dict[str, Any] = dict(zip(axes, index, strict=True))
    known = {axis: named.pop(axis) for axis in ("time", "row", "layer", "unit", "node") if axis in named}
    return Place(tensor, along=tuple(named.items()), **known)


def blocks(layer: Judged, tensor: str, array: np.ndarray) -> Iterator[tuple[int, ...] | tuple[()]]:
    """The pieces of a tensor that a finding names apart: gates, or layers and directions of a state."""
    kinds = (Layer, Stack, TreeLayer, GraphLayer)
    gated = isinstance(layer, kinds) and tensor.startswith("d") and len(layer.shapes.get(tensor[1:], ())) >= 2
    if gated or ("state[" in tensor and isinstance(layer, (Layer, Stack))):
        yield from ((k,) for k in range(array.shape[0]))
    else:
        yield ()


def block_place(layer: Judged, tensor: str, block: tuple[int, ...], axes: int) -> Place:
    """What all entries of a block of a tensor with this many axes have in common: gate, layer, direction."""
    if not block:
        return Place(tensor)
    first = place(layer, tensor, (*block, *(0,) * (axes - len(block))))
    return replace(first, time=None, row=None, unit=None, along=())
