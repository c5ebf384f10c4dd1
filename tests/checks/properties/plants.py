"""An implementation that is refseq's own, spoiled in what it takes or in what it answers; and the ways to spoil it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refseq.checks import OwnImplementation
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.layer import Layer

SLIGHTLY = 1 + 1e-6


@dataclass
class Call:
    """The arguments of forward or vjp, which a plant may replace, what is left from earlier calls, and the answer."""

    params: dict[str, np.ndarray]
    x: np.ndarray
    state: dict[str, np.ndarray]
    lengths: np.ndarray | None
    dy: np.ndarray
    dstate: dict[str, np.ndarray]
    backward: bool
    memory: dict[Any, Any]
    answer: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def outside(self):
        """(T, B, 1): the padding."""
        steps, rows, _ = self.x.shape
        counts = np.full(rows, steps) if self.lengths is None else self.lengths
        return (np.arange(steps)[:, None] >= counts)[..., None]

    def scale(self, *tensors: str, by: float = SLIGHTLY):
        """Scale tensors of the answer, where they are in it."""
        for name in tensors:
            if name in self.answer:
                self.answer[name] = self.answer[name] * np.array(by, self.answer[name].dtype)

    def add(self, tensor: str, what):
        """Add to a tensor of the answer."""
        if tensor in self.answer:
            self.answer[tensor] = self.answer[tensor] + np.asarray(what, self.answer[tensor].dtype)


Plant = Callable[[Call], None]


def nothing(_call: Call) -> None:
    """No error."""


class Planted:
    """refseq's own implementation between two plants."""

    name = "planted"

    def __init__(self, layer: Layer, given: Plant = nothing, answered: Plant = nothing) -> None:
        self.own, self.given, self.answered = OwnImplementation(layer), given, answered
        self.memory: dict[Any, Any] = {}

    def forward(self, params, x, state, lengths):
        call = Call(dict(params), x, dict(state), lengths, np.zeros(0), {}, False, self.memory)
        self.given(call)
        call.answer = forward_tensors(*self.own.forward(call.params, call.x, call.state, call.lengths))
        self.answered(call)
        return call.answer["y"], {name: call.answer[f"state[{name}]"] for name in state}

    def vjp(self, params, x, state, lengths, dy, dstate):
        call = Call(dict(params), x, dict(state), lengths, dy, dict(dstate), True, self.memory)
        self.given(call)
        grads = self.own.vjp(call.params, call.x, call.state, call.lengths, call.dy, call.dstate)
        call.answer = gradient_tensors(*grads)
        self.answered(call)
        dparams = {name: call.answer["d" + name] for name in params}
        return dparams, call.answer["dx"], {name: call.answer[f"dstate[{name}]"] for name in state}


def if_(condition: Callable[[Call], Any], plant: Plant) -> Plant:
    """The plant on some calls only."""

    def spoil(call: Call) -> None:
        if condition(call):
            plant(call)

    return spoil


def scaled(*tensors: str, by: float = SLIGHTLY) -> Plant:
    """Tensors of the answer a little too large."""
    return lambda call: call.scale(*tensors, by=by)


def added(tensor: str, what: Callable[[Call], Any]) -> Plant:
    """Something added to a tensor of the answer."""

    def spoil(call: Call) -> None:
        if tensor in call.answer:
            call.add(tensor, what(call))

    return spoil


def parameter(name: str, change: Callable[[Call, np.ndarray], np.ndarray]) -> Plant:
    """Another parameter than the one given."""

    def spoil(call: Call) -> None:
        call.params[name] = change(call, call.params[name])

    return spoil


def part_of(tensor: str, index: Any, by: float = SLIGHTLY) -> Plant:
    """Some entries of a tensor a little too large."""

    def spoil(call: Call) -> None:
        if tensor in call.answer:
            call.answer[tensor] = call.answer[tensor].copy()
            call.answer[tensor][index] *= by

    return spoil


def inputs(change: Callable[[Call], np.ndarray]) -> Plant:
    """Another x than the one given."""

    def spoil(call: Call) -> None:
        call.x = change(call)

    return spoil
