"""A layer run by the plain interpreter, over any numbers: nothing to compile, and for floats the bits of the compiled
loops (``tests/targets`` holds that)."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flint import arb

from refseq.arrays import lift
from refseq.checks.problem import Problem
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.layer import Layer

Arrays = Mapping[str, np.ndarray]


def lifted(arrays: Arrays, number: Callable[[Any], Any]) -> dict[str, np.ndarray]:
    """Object arrays of numbers of any kind."""
    return {name: lift(value, number) for name, value in arrays.items()}


def raised(problem: Problem, number: Callable[[Any], Any]) -> dict[str, Any]:
    """The arrays of a problem by name, over other numbers."""
    parts = {name: lifted(getattr(problem, name), number) for name in ("params", "state", "dstate", "masks")}
    return parts | {"x": lift(problem.x, number), "dy": lift(problem.dy, number), "lengths": problem.lengths}


def values(layer: Layer, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Outputs and final states, as object arrays; ``given`` as ``raised`` makes it."""
    run = layer.forward(
        given["params"], given["x"], given["state"], given["lengths"], "reference", masks=given["masks"]
    )
    return forward_tensors(run.y, run.state)


def everything(layer: Layer, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Outputs, final states and all gradients, as object arrays."""
    run = layer.forward(
        given["params"], given["x"], given["state"], given["lengths"], "reference", masks=given["masks"]
    )
    grads = layer.backward(run, given["dy"], given["dstate"])
    return forward_tensors(run.y, run.state) | gradient_tensors(grads.params, grads.x, grads.state)


def floats(tensors: Arrays, dtype: str = "float64") -> dict[str, np.ndarray]:
    """Object arrays of floats as arrays of this dtype."""
    return {name: value.astype(dtype) for name, value in tensors.items()}


def agree(ours: np.ndarray, theirs: np.ndarray, bits: int = 90) -> bool:
    """Whether two arrays of balls hold the same values as far as anyone can tell: they overlap, and every ball is
    narrower than 2^-bits of its value (or of 1, where the value is smaller)."""
    if ours.shape != theirs.shape:
        return False
    pairs = [(arb(a), arb(b)) for a, b in zip(ours.flat, theirs.flat, strict=True)]
    return all(a.overlaps(b) and _narrow(a, bits) and _narrow(b, bits) for a, b in pairs)


def _narrow(ball: arb, bits: int) -> bool:
    return bool(ball.rad() < arb(2) ** -bits * (1 + abs(ball.mid())))
