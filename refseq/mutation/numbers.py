"""Calls of every primitive on ordinary and extreme numbers of every kind that plain Python has a rule for."""

import math
from typing import Any

import numpy as np
from flint import arb

from refseq import primitives
from refseq.fields.residue import Residue

REAL = (0.0, -0.0, 1e-30, -1e-30, 0.25, -0.25, 0.5, -0.5, 1.0, -1.0, 1.5, -2.5, 40.0, -40.0, 800.0, -800.0)
BEYOND = (math.inf, -math.inf, math.nan)
COMPLEX = (
    0.25 + 0.5j,
    -0.25 + 0.5j,
    1.5 - 0.25j,
    -2.5 + 1e-20j,
    1e-30 + 1e-30j,
    0.5 + 0j,
    -0.5 + 0j,
    0j,
    1e-17 + 0j,
    0.5j,
)

OF_ONE = ("tanh", "sigmoid", "relu", "identity", "exp", "log", "log1p", "sqrt", "zero", "complement", "order")
SLOPES = ("tanh_slope", "sigmoid_slope", "relu_slope", "identity_slope", "exp_slope", "log_slope", "sqrt_slope")
KINDS = (float, np.float32, np.float64)


def _answer(function: Any, *arguments: Any) -> Any:
    """What a call returns with its type, or the error that it raises."""
    with np.errstate(all="ignore"):
        try:
            found = function(*arguments)
        except (ArithmeticError, ValueError) as error:
            return type(error).__name__
    return f"{type(found).__name__} {'nan' if found != found else found!r}"  # noqa: PLR0124


def every_primitive() -> dict[str, Any]:
    """The answers of all primitives, as text that shows every bit."""
    found: dict[str, Any] = {}
    for name in (*OF_ONE, *SLOPES):
        function = getattr(primitives, name)
        for kind in KINDS:
            found[f"{name} {kind.__name__}"] = [_answer(function, kind(x)) for x in (*REAL, *BEYOND)]
        for kind in (complex, np.complex64, np.complex128):
            found[f"{name} {kind.__name__}"] = [_answer(function, kind(x)) for x in COMPLEX]
        exact = [_answer(function, arb(x)) for x in (0.25, -0.25, 0.5)]
        found[f"{name} ball"] = exact
    return found | _pairs()


def _pairs() -> dict[str, Any]:
    """Primitives of two numbers, and the order of what has none."""
    found: dict[str, Any] = {"order": [_answer(primitives.order, what) for what in (Residue(3), "no number")]}
    kinds: tuple[Any, ...] = (*KINDS, complex, np.complex64)
    for kind in kinds:
        words, numbers = kind.__name__, [kind(x) for x in (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, math.nan)]
        numbers += [kind(x) for x in (1 + 0.5j, -1 + 0.25j)] if kind in (complex, np.complex64) else []
        for name in ("clip", "clip_slope"):
            function = getattr(primitives, name)
            found[f"{name} {words}"] = [_answer(function, x, kind(1.0)) for x in numbers]
        found[f"count {words}"] = [_answer(primitives.count, kind(0.5), 3)]
        found[f"constant {words}"] = [_answer(primitives.constant, kind(0.5), 0.75)]
    return found
