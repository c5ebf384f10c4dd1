"""Automatic differentiation over any field that states its derivatives: forward mode and reverse mode.

``Dual`` carries a value and one tangent. ``Node`` records what it was computed from; ``pull_back`` then returns the
derivative of a result with respect to every node. Both are independent of the backward functions of the cells, which
they are here to judge.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from refseq.primitives import TRANSCENDENTAL, clip, clip_slope, constant, order, register_field, relu_slope

_DERIVATIVES: dict[type, dict[str, Callable[[Any, Any], Any]]] = {}


def register_derivatives(kind: type, laws: dict[str, Callable[[Any, Any], Any]]) -> None:
    """State, for numbers of this type, the derivative of every transcendental primitive as law(x, y), y its value; and
    of clip as law(x, bound)."""
    _DERIVATIVES[kind] = laws


def _derivative(name: str, x: Any, y: Any) -> Any:
    return _DERIVATIVES[type(x)][name](x, y)


class Dual:
    """value + tangent * epsilon, with epsilon^2 = 0. Mixes with Python integers."""

    __slots__ = ("tangent", "value")

    def __init__(self, value: Any, tangent: Any) -> None:
        self.value, self.tangent = value, tangent

    def __add__(self, other: Any) -> "Dual":
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.tangent + other.tangent)
        return Dual(self.value + other, self.tangent)

    __radd__ = __add__

    def __neg__(self) -> "Dual":
        return Dual(-self.value, -self.tangent)

    def __sub__(self, other: Any) -> "Dual":
        return self + (-other)

    def __rsub__(self, other: Any) -> "Dual":
        return (-self) + other

    def __mul__(self, other: Any) -> "Dual":
        if isinstance(other, Dual):
            return Dual(self.value * other.value, self.tangent * other.value + self.value * other.tangent)
        return Dual(self.value * other, self.tangent * other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Dual":
        if isinstance(other, Dual):
            ratio = self.value / other.value
            return Dual(ratio, (self.tangent - ratio * other.tangent) / other.value)
        return Dual(self.value / other, self.tangent / other)

    def __rtruediv__(self, other: Any) -> "Dual":
        ratio = other / self.value
        return Dual(ratio, -ratio * self.tangent / self.value)


def duals(values: np.ndarray, tangents: np.ndarray) -> np.ndarray:
    """Numbers and their tangents, two object arrays of one shape, paired."""
    result = np.empty(values.shape, object)
    result.reshape(-1)[:] = [Dual(value, tangent) for value, tangent in zip(values.flat, tangents.flat, strict=True)]
    return result


class Node:
    """A value and the derivatives by which it depends on its parents; ``tape`` lists all nodes in order of creation."""

    __slots__ = ("index", "parents", "tape", "value")

    def __init__(self, tape: "list[Node]", value: Any, parents: Sequence[tuple["Node", Any]] = ()) -> None:
        self.tape, self.value, self.parents, self.index = tape, value, parents, len(tape)
        tape.append(self)

    def __add__(self, other: Any) -> "Node":
        if isinstance(other, Node):
            return Node(self.tape, self.value + other.value, ((self, 1), (other, 1)))
        return Node(self.tape, self.value + other, ((self, 1),))

    __radd__ = __add__

    def __neg__(self) -> "Node":
        return Node(self.tape, -self.value, ((self, -1),))

    def __sub__(self, other: Any) -> "Node":
        if isinstance(other, Node):
            return Node(self.tape, self.value - other.value, ((self, 1), (other, -1)))
        return Node(self.tape, self.value - other, ((self, 1),))

    def __rsub__(self, other: Any) -> "Node":
        return Node(self.tape, other - self.value, ((self, -1),))

    def __mul__(self, other: Any) -> "Node":
        if isinstance(other, Node):
            return Node(self.tape, self.value * other.value, ((self, other.value), (other, self.value)))
        return Node(self.tape, self.value * other, ((self, other),))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Node":
        if isinstance(other, Node):
            ratio = self.value / other.value
            return Node(self.tape, ratio, ((self, 1 / other.value), (other, -ratio / other.value)))
        one = self.value * 0 + 1  # 1 / other would be a float, rounded to 53 bits
        return Node(self.tape, self.value / other, ((self, one / other),))

    def __rtruediv__(self, other: Any) -> "Node":
        ratio = other / self.value
        return Node(self.tape, ratio, ((self, -ratio / self.value),))


@contextmanager
def new_tape() -> Iterator[list[Node]]:
    """A tape to record on, taken apart at the end. The garbage collector, which would look at all nodes again and again
    while they are made, pauses."""
    tape: list[Node] = []
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield tape
    finally:
        tape.clear()  # the nodes and the list refer to each other
        if collecting:
            gc.enable()


def pull_back(tape: list[Node], seeds: Sequence[tuple[Node, Any]]) -> list[Any]:
    """d(sum of weight * node over the seeds) / d(node), for every node; None where nothing depends on it."""
    cotangents: list[Any] = [None] * len(tape)

    def add(node: Node, amount: Any) -> None:
        before = cotangents[node.index]
        cotangents[node.index] = amount if before is None else before + amount

    for node, weight in seeds:
        add(node, weight)
    for node in reversed(tape):
        cotangent = cotangents[node.index]
        if cotangent is not None:
            for parent, slope in node.parents:
                add(parent, slope * cotangent)
    return cotangents


def _dual_rule(name: str, function: Callable) -> Callable[[Dual], Dual]:
    def rule(x: Dual) -> Dual:
        y = function(x.value)
        return Dual(y, _derivative(name, x.value, y) * x.tangent)

    return rule


def _dual_clip(x: Dual, bound: Dual) -> Dual:
    return Dual(clip(x.value, bound.value), _DERIVATIVES[type(x.value)]["clip"](x.value, bound.value) * x.tangent)


def _node_clip(x: Node, bound: Node) -> Node:
    slope = _DERIVATIVES[type(x.value)]["clip"](x.value, bound.value)
    return Node(x.tape, clip(x.value, bound.value), ((x, slope),))


def _node_rule(name: str, function: Callable) -> Callable[[Node], Node]:
    def rule(x: Node) -> Node:
        y = function(x.value)
        return Node(x.tape, y, ((x, _derivative(name, x.value, y)),))

    return rule


register_field(
    Dual,
    {name: _dual_rule(name, function) for name, function in TRANSCENDENTAL.items()}
    | {"order": lambda x: order(x.value)},
    step=lambda y: Dual(relu_slope(y.value), y.tangent * 0),
    clipped=_dual_clip,
    inside=lambda y, bound: Dual(clip_slope(y.value, bound.value), y.tangent * 0),
    number=lambda x, value: Dual(constant(x.value, value), x.tangent * 0),
)
register_field(
    Node,
    {name: _node_rule(name, function) for name, function in TRANSCENDENTAL.items()}
    | {"order": lambda x: order(x.value)},
    step=lambda y: Node(y.tape, relu_slope(y.value)),
    clipped=_node_clip,
    inside=lambda y, bound: Node(y.tape, clip_slope(y.value, bound.value)),
    number=lambda x, value: Node(x.tape, constant(x.value, value)),
)
