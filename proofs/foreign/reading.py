"""A user's source under exact numbers: what numpy and math do differently meanwhile, and where a source cannot be read.

``patched`` replaces functions of the modules while the user's module is loaded, so that a name that it imports (``from
math import exp``) is the replaced one. They do as the originals do, but while exact numbers are ``running``: only then
does ``np.zeros`` make numbers instead of floats.
"""

import linecache
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any

import numba
import numpy as np
import scipy.special

import proofs
import refseq
from proofs.foreign.array import Numbers, numbers
from proofs.foreign.number import CannotRead, Number
from refseq.arrays import lift

MAKERS = (
    *("array", "asarray", "ascontiguousarray", "asfortranarray", "empty", "empty_like", "eye", "full", "full_like"),
    *("identity", "ones", "ones_like", "zeros", "zeros_like"),
)
"""numpy's functions that make arrays of floats."""

MATHEMATICS: dict[str, Callable[..., Any]] = {
    **{name: getattr(Number, name) for name in ("cosh", "exp", "expm1", "log", "log1p", "sinh", "sqrt", "tanh")},
    "fabs": abs,
    "pow": lambda x, exponent: x**exponent,
}
"""Functions of ``math``."""

LIBRARIES = tuple(str(Path(module.__file__ or "").parent) for module in (np, numba, proofs, refseq, scipy, linecache))
"""Folders whose lines are not the user's; the last is the standard library's."""

_active = False


def _maker(original: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    @wraps(original)
    def make(*arguments: Any, **options: Any) -> np.ndarray:
        if not _active:
            return original(*arguments, **options)
        given = [object if _is_float(value) else value for value in arguments]
        made = original(*given, **{key: object if _is_float(value) else value for key, value in options.items()})
        if made.dtype.kind not in "fO":
            return made
        if original.__name__.startswith("empty"):
            unwritten = np.ndarray(made.shape, object)
            unwritten.fill(None)
            return unwritten.view(Numbers)
        return numbers(made)

    return make


def _is_float(value: Any) -> bool:
    """Whether this is the dtype of floats."""
    if isinstance(value, np.dtype):
        return value.kind == "f"
    if isinstance(value, type):
        return issubclass(value, (float, np.floating))
    return isinstance(value, str) and value in np.sctypeDict and np.dtype(value).kind == "f"


def _function(original: Callable[..., Any], law: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def function(x: Any, *more: Any, **options: Any) -> Any:
        if isinstance(x, Number):
            return law(x, *more)
        if isinstance(x, Numbers):
            return lift(x, lambda entry: law(entry, *more)).view(Numbers)
        return original(x, *more, **options)

    return function


_CHANGES: list[tuple[Any, str, Any]] = [
    *((np, name, _maker(getattr(np, name))) for name in MAKERS),
    *((math, name, _function(getattr(math, name), law)) for name, law in MATHEMATICS.items()),
    (scipy.special, "expit", _function(scipy.special.expit, Number.sigmoid)),
]
"""Module, name, and what stands in for the function."""


@contextmanager
def patched() -> Iterator[None]:
    """numpy and math as the source is to see them; as they were afterwards."""
    before = [(module, name, getattr(module, name)) for module, name, _ in _CHANGES]
    for module, name, value in _CHANGES:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


@contextmanager
def running() -> Iterator[None]:
    """The user's functions are called with exact numbers."""
    global _active  # noqa: PLW0603 - there is one numpy
    _active = True
    try:
        with patched():
            yield
    finally:
        _active = False


def place(error: BaseException) -> str:
    """``mine.py:12: the line``, the innermost line that is not of a library; empty where there is none."""
    own = [frame for frame in _frames(error.__traceback__) if not frame[0].startswith((*LIBRARIES, "<"))]
    if not own:
        return ""
    file, line = own[-1]
    return f"{Path(file).name}:{line}: {linecache.getline(file, line).strip()}"


def _frames(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next


def words(error: BaseException) -> str:
    """What happened, in a line."""
    while isinstance(error, SystemError) and error.__cause__:  # numpy went on after an exception in a dot product
        error = error.__cause__
    if isinstance(error, CannotRead):
        return str(error)
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
