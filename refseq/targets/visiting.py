"""Calls with arrays that are on a target's device already: the one way in and out for every public function.

    @guests("logits", "targets")
    def loss(logits, targets, *, lengths=None, target="cpu"): ...

The first array of the named arguments decides. If the target has a guest for it (``Guest``), the arrays
of these arguments come into the function as ``refseq.arrays.Elsewhere``, the target of that name is the guest's while
the function runs, and what it returns goes out in the caller's kind: arrays; dicts, tuples and lists of them; and those
in the fields of a dataclass that its repr shows. Whole numbers stay numpy's both ways, and so do all other arguments.

What a function returns remembers its guest: a function with an argument ``run`` goes on where that run was made.
"""

import copy
import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any, Protocol, TypeVar

import numpy as np

from refseq.arrays import Elsewhere
from refseq.targets import HOST, Target, target, visited

F = TypeVar("F", bound=Callable)

VISIT = "_visit"
"""The attribute of a result with its guest, and with the same result as the function made it."""


class Guest(Protocol):
    """A caller whose arrays are on the target's device, and stay there; a context in which calls run, within which
    ``refseq.targets.target`` gives the ``target`` at that device."""

    target: Target

    def __enter__(self) -> Any: ...

    def __exit__(self, *error: object) -> None: ...

    def resume(self) -> None:
        """Begin another call, for which the caller may have chosen another stream."""
        ...

    def enter(self, name: str, given: Any) -> Any:
        """An array of an argument as ``refseq.arrays.Elsewhere``; what is no array, and whole numbers, as they are.
        Raises TypeError or ValueError naming it."""
        ...

    def stay(self, name: str, given: Any) -> Any:
        """An argument that the host looks at, as it is. Raises TypeError naming it if it is on a device."""
        ...

    def leave(self, given: Any) -> Any:
        """The caller's kind of an array."""
        ...


def guest(target: Target, arguments: Mapping[str, Any]) -> Guest | None:
    """A guest, for the arguments of a call by name, of which the first array decides; None for numpy's arrays, and
    where the target knows no others."""
    make = getattr(target, "guest", None)
    if make is None:
        return None
    for name, given in arguments.items():
        for value in arrays_of(given):
            whole = isinstance(value, np.ndarray) and value.dtype.kind in "biu"
            if not (whole or value is None or isinstance(value, str | int | float)):
                return make(name, value)
    return None


def guests(*names: str) -> Callable[[F], F]:
    """A public function that takes arrays on a device in the arguments of these names; its target is the argument
    ``target``, or where its ``run`` was made."""

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        places = {name: number for number, name in enumerate(signature.parameters)}
        at, after = places.get("target", len(places)), places.get("run", len(places))
        default = signature.parameters["target"].default if "target" in places else HOST[0]

        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            if visited.get() is None:  # else within another call, whose arrays have come in
                count = len(arguments)
                run = arguments[after] if after < count else named.get("run")
                where = arguments[at] if at < count else named.get("target", default)
                visit = getattr(run, VISIT, None)
                if visit is not None or (isinstance(where, str) and where not in HOST):
                    return _visiting(function, names, visit, where, signature.bind(*arguments, **named))
            return function(*arguments, **named)

        return call  # type: ignore[return-value] - the same signature

    return decorate


def _visiting(function: Callable, names: tuple[str, ...], visit: Any, where: str, bound: inspect.BoundArguments) -> Any:
    """The call, of a guest if it is one: of where the run was made, or of the first array of the named arguments."""
    given = bound.arguments
    if visit is not None:
        visitor, given["run"] = visit
    else:
        visitor = guest(target(where), {name: given[name] for name in names if name in given})
    if visitor is None:
        return function(*bound.args, **bound.kwargs)
    with visitor:
        if visit is not None:
            visitor.resume()
        for name, value in given.items():
            given[name] = entered(visitor, name, value) if name in names else visitor.stay(name, value)
        return left(visitor, function(*bound.args, **bound.kwargs))


def follow(run: Any, function: Callable[[Any], Any]) -> Any:
    """function(run), where the run was made."""
    visit = getattr(run, VISIT, None)
    if visit is None:
        return function(run)
    visitor, inside = visit
    with visitor:
        visitor.resume()
        return left(visitor, function(inside))


def entered(visitor: Guest, name: str, given: Any) -> Any:
    """An argument with its arrays as ``Elsewhere``: an array, dicts and tuples of them. Raises TypeError or ValueError
    naming the argument, and the entry."""
    if isinstance(given, Mapping):
        return {key: entered(visitor, f"{name}[{key!r}]", value) for key, value in given.items()}
    if isinstance(given, tuple | list):
        return type(given)(entered(visitor, f"{name}[{number}]", value) for number, value in enumerate(given))
    return visitor.enter(name, given)


def left(visitor: Guest, made: Any) -> Any:
    """A result with its arrays in the caller's kind, in dicts, tuples and lists too; of a dataclass those in the fields
    that it shows."""
    if isinstance(made, Elsewhere):
        return visitor.leave(made)
    if isinstance(made, Mapping):
        return {key: left(visitor, value) for key, value in made.items()}
    if isinstance(made, tuple | list):
        return (list if isinstance(made, list) else tuple)(left(visitor, value) for value in made)
    if not dataclasses.is_dataclass(made) or isinstance(made, type):
        return made
    outside = copy.copy(made)
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        if field.repr and value is not None:
            object.__setattr__(outside, field.name, left(visitor, value))
    object.__setattr__(outside, VISIT, (visitor, made))
    return outside


def arrays_of(given: Any) -> Iterator[Any]:
    """What is no dict or tuple in these, one after another."""
    if isinstance(given, Mapping | tuple | list):
        for value in given.values() if isinstance(given, Mapping) else given:
            yield from arrays_of(value)
    else:
        yield given
