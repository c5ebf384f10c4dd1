"""An implementation under test: calls it, and holds every call to the protocol.

Shapes, dtypes and keys of what it returns are checked, its inputs must come back unchanged, and its results must not
share memory with them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from refseq.checks.implementation import Implementation, NotOffered
from refseq.checks.problem import Problem, inputs, with_inputs
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.layer import Layer
from refseq.stack import Stack

Arrays = dict[str, np.ndarray]


class Misbehaviour(Exception):  # noqa: N818 - becomes a finding
    """The implementation raised, or returned something that is not what the protocol asks for."""

    def __init__(self, tensor: str, message: str, raised: bool = False) -> None:
        super().__init__(message)
        self.tensor, self.message, self.raised = tensor, message, raised


class Subject:
    """An implementation of a layer, called with problems and answering with tensors by name."""

    def __init__(self, implementation: Implementation, layer: Layer | Stack) -> None:
        if not isinstance(layer, (Layer, Stack)):
            raise TypeError(f"layer: expected a refseq Layer or Stack, got {type(layer).__name__} {layer!r}")
        for method in ("forward", "vjp"):
            if isinstance(implementation, type) or not callable(getattr(implementation, method, None)):
                what = (
                    f"the class {implementation.__name__}"
                    if isinstance(implementation, type)
                    else f"{implementation!r}"
                )
                raise TypeError(f"implementation: expected an object with the methods forward and vjp, got {what}")
        self.implementation = implementation
        self.layer: Any = layer
        """A Layer, or a Stack, to which no property is put."""
        self.raw: Arrays = {}
        """What the last forward returned, and vjp after it, itself; callers get copies."""
        self.name = str(getattr(implementation, "name", type(implementation).__name__))
        self.activations = getattr(implementation, "activations", "relative")
        if self.activations not in ("relative", "absolute"):
            raise ValueError(f"activations: expected 'relative' or 'absolute', got {self.activations!r}")

    def forward(self, problem: Problem) -> Arrays:
        """``y`` and ``state[...]``. Raises Misbehaviour or NotOffered."""
        arguments = _arguments(problem)
        result = _call("forward", self.implementation.forward, *arguments.values(), **_masks(problem))
        y, state = _unpacked("forward", result, 2)
        tensors = forward_tensors(y, _mapping("final state", state))
        _hold(problem, tensors, {"y": problem.dy.shape} | _shapes("state", problem.state), arguments)
        self.raw = tensors
        return _copies(tensors)

    def vjp(self, problem: Problem) -> Arrays:
        """``dW_hx`` and so on, ``dx``, ``dstate[...]``. Raises Misbehaviour or NotOffered."""
        arguments = _arguments(problem) | {
            "dy": _private(problem.dy),
            "dstate": {name: _private(value) for name, value in problem.dstate.items()},
        }
        result = _call("vjp", self.implementation.vjp, *arguments.values(), **_masks(problem))
        dparams, dx, dstate = _unpacked("vjp", result, 3)
        tensors = gradient_tensors(_mapping("dparams", dparams), dx, _mapping("dstate", dstate))
        shapes = {"d" + name: value.shape for name, value in problem.params.items()}
        _hold(problem, tensors, shapes | {"dx": problem.x.shape} | _shapes("dstate", problem.state), arguments)
        self.raw = self.raw | tensors
        return _copies(tensors)

    def jvp(self, problem: Problem, tangents: Arrays) -> Arrays:
        """Tangents of ``y`` and ``state[...]`` for tangents of the inputs, by the names of their gradients; the rest is
        zero. Raises Misbehaviour, or NotOffered where the implementation has no jvp."""
        function = getattr(self.implementation, "jvp", None)
        if function is None:
            raise NotOffered(f"{self.name} has no jvp")
        arguments, zeros = _arguments(problem), {n: np.zeros_like(value) for n, value in inputs(problem).items()}
        given = {name: value.astype(problem.dtype) for name, value in tangents.items()}
        moved = with_inputs(problem, zeros | given)
        result = _call("jvp", function, *arguments.values(), moved.params, moved.x, moved.state, **_masks(problem))
        y, state = _unpacked("jvp", result, 2)
        pushed = forward_tensors(y, _mapping("tangents of the final state", state))
        _hold(problem, pushed, {"y": problem.dy.shape} | _shapes("state", problem.state), arguments)
        return _copies(pushed)

    def everything(self, problem: Problem) -> Arrays:
        """Forward tensors, and gradients if they are offered."""
        tensors = self.forward(problem)
        try:
            return tensors | self.vjp(problem)
        except NotOffered:
            return tensors


def _copies(tensors: Arrays) -> Arrays:
    """Of results: they may be read-only, and checks plant errors in them."""
    return {name: np.array(value) for name, value in tensors.items()}


def _arguments(problem: Problem) -> dict[str, Any]:
    lengths = None if problem.lengths is None else _private(problem.lengths)
    params, state = ({n: _private(v) for n, v in arrays.items()} for arrays in (problem.params, problem.state))
    return {"params": params, "x": _private(problem.x), "state": state, "lengths": lengths}


def _private(array: np.ndarray) -> np.ndarray:
    """A copy, so that an implementation that writes to its inputs spoils nothing but its own verdict; a read-only array
    (a check of memory layouts) is handed over as it is."""
    return array.copy(order="K") if array.flags.writeable else array


def _masks(problem: Problem) -> dict[str, Any]:
    """The keyword ``masks`` for a layer that takes them."""
    return {"masks": {n: _private(v) for n, v in problem.masks.items()}} if problem.masks else {}


def _call(what: str, function: Callable, *arguments: Any, **masks: Any) -> Any:
    try:
        with np.errstate(all="ignore"):  # judged are the numbers; a filter of warnings decides nothing
            return function(*arguments, **masks)
    except NotOffered:
        raise
    except Exception as error:  # foreign code may raise anything, and all of it is a finding
        raise Misbehaviour(what, f"{what} raised {type(error).__name__}: {error}", raised=True) from error


def _unpacked(what: str, result: Any, count: int) -> tuple:
    if not isinstance(result, tuple) or len(result) != count:
        raise Misbehaviour(what, f"{what}: expected a tuple of {count}, got {type(result).__name__}")
    return result


def _mapping(what: str, value: Any) -> Mapping[str, np.ndarray]:
    if not isinstance(value, Mapping):
        raise Misbehaviour(what, f"{what}: expected a dict of arrays, got {type(value).__name__}")
    if not all(isinstance(name, str) for name in value):
        raise Misbehaviour(what, f"{what}: expected names as keys, got {list(value)}")
    return value


def _shapes(what: str, arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {f"{what}[{name}]": value.shape for name, value in arrays.items()}


def _hold(problem: Problem, tensors: Arrays, shapes: Mapping[str, tuple[int, ...]], arguments: dict[str, Any]) -> None:
    if set(tensors) != set(shapes):
        raise Misbehaviour("names", f"expected the tensors {sorted(shapes)}, got {sorted(tensors)}")
    given, before = dict(_arrays(arguments)), dict(_arrays(_originals(problem, arguments)))
    if given.keys() != before.keys():
        raise Misbehaviour("names", f"the arguments were modified: {sorted(given.keys() ^ before.keys())}")
    for name, value in tensors.items():
        if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):  # a mask would hide entries
            raise Misbehaviour(name, f"expected a numpy array, got {type(value).__name__}")
        if value.shape != shapes[name]:
            raise Misbehaviour(name, f"expected shape {shapes[name]}, got {value.shape}")
        if value.dtype.newbyteorder("=") != problem.dtype:
            raise Misbehaviour(name, f"expected dtype {problem.dtype}, got {value.dtype}")
        if any(np.shares_memory(value, array) for array in given.values() if isinstance(array, np.ndarray)):
            raise Misbehaviour(name, "shares memory with an input")
    for name, after in given.items():
        if not isinstance(after, np.ndarray) or not np.array_equal(after, before[name], after.dtype.kind == "f"):
            raise Misbehaviour(name, f"the argument {name} was modified")


def _originals(problem: Problem, arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in arguments}


def _arrays(arguments: Mapping[str, Any]) -> list[tuple[str, np.ndarray]]:
    found = []
    for name, value in arguments.items():
        if isinstance(value, np.ndarray):
            found.append((name, value))
        elif isinstance(value, Mapping):
            found += [(f"{name}[{key!r}]", array) for key, array in value.items()]
    return found
