"""A user's implementation as the function that ``refseq.checks`` differentiates, over ``Residue`` and ``Dual``, while
its code sees arrays of ``Number``; and refseq's own layers over ``Number``."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from proofs.foreign import symbols
from proofs.foreign.array import Numbers
from proofs.foreign.number import CannotRead, Number, element
from proofs.foreign.reading import running
from refseq.arrays import lift
from refseq.checks.function import Arrays, Function, Named
from refseq.checks.implementation import Implementation
from refseq.checks.problem import Problem
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.fields.differential import Dual
from refseq.fields.residue import Residue
from refseq.primitives import register_field

Arguments = tuple[dict[str, Numbers], Numbers, dict[str, Numbers], np.ndarray | None]


def readable(implementation: Implementation, problem: Problem) -> Function:
    """forward and vjp at the shapes of the problem."""

    def given(values: Named, masks: Named) -> tuple[Arguments, dict[str, Any]]:
        lengths = None if problem.lengths is None else problem.lengths.copy()
        params, state = _read(values, problem.params), _read(values, problem.state, "state[{}]")
        masked = {"masks": _read(masks, masks)} if masks else {}
        return (params, lift(values["x"], to_number).view(Numbers), state, lengths), masked

    def forward(values: Named, masks: Named, _target: str) -> tuple[Arrays, Any]:
        arguments, masked = given(values, masks)
        with running():
            y, state = implementation.forward(*arguments, **masked)
        back = _to_dual if isinstance(values["x"].flat[0], Dual) else from_number
        return _answered(forward_tensors(y, state), problem.cotangents, back), (values, masks)

    def backward(record: tuple[Named, Named], cotangents: Named) -> Arrays:
        arguments, masked = given(*record)
        dy, dstate = lift(cotangents["y"], to_number).view(Numbers), _read(cotangents, problem.state, "state[{}]")
        with running():
            dparams, dx, dstate0 = implementation.vjp(*arguments, dy, dstate, **masked)
        like = {f"d{name}": value for name, value in problem.values.items()}
        return _answered(gradient_tensors(dparams, dx, dstate0), like, from_number)

    return Function(forward, backward)


def _read(arrays: Named, names: Iterable[str], label: str = "{}") -> dict[str, Numbers]:
    """Fresh arrays of numbers, by the user's names."""
    return {name: lift(arrays[label.format(name)], to_number).view(Numbers) for name in names}


def _answered(tensors: Arrays, like: Named, back: Callable[[Any], Any]) -> Arrays:
    found = {}
    for name, value in tensors.items():
        array = np.asarray(value)
        if array.shape != like[name].shape:
            raise CannotRead(f"over exact numbers {name} has the shape {array.shape}, expected {like[name].shape}")
        if any(entry is None for entry in array.flat):
            raise CannotRead(f"an entry of {name} comes from np.empty and was never written")
        found[name] = lift(array, back)
    return found


def to_number(entry: Residue | Dual) -> Number:
    """As the user's code is given it."""
    if isinstance(entry, Dual):
        return Number(entry.value.value, entry.tangent.value)
    return Number(entry.value)


def from_number(entry: Any) -> Residue:
    """Of what the user's code returned, a number or a constant, the value."""
    return Residue((Number(0) + entry).value)


def _to_dual(entry: Any) -> Dual:
    entry = Number(0) + entry
    return Dual(Residue(entry.value), Residue(entry.tangent))


def _refused(what: str) -> Callable[..., Any]:
    def refuse(*_: Any) -> Any:
        raise CannotRead(f"{what} of numbers that have no order")

    return refuse


register_field(
    Number,
    {
        "tanh": Number.tanh,
        "sigmoid": Number.sigmoid,
        "relu": lambda x: x * max(symbols.sign(x.value), 0),
        "exp": Number.exp,
        "log": Number.log,
        "sqrt": Number.sqrt,
    },
    step=lambda y: Number(max(symbols.sign(y.value), 0)),
    clipped=_refused("clip"),
    inside=_refused("clip"),
    number=lambda x, value: Number(element(value)),
)
