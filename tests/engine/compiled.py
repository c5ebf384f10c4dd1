"""The engine's small functions as functions of arrays, for its tests."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np

from refseq.engine import calling, vector, vector_math
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.memory import strip_of
from refseq.engine.workspace import address


@cache
def _elementwise(name: str, dtype: str) -> CFunction:
    element: Any = numba.from_dtype(np.dtype(dtype))
    strip, lanes = strip_of(element), vector.lanes(dtype)
    function = getattr(vector_math, name)

    def of_vectors(count, source, target, unused):
        x, y = strip(source, 0), strip(target, 0)
        for v in range(count):
            y[0, v * lanes] = function(x[0, v * lanes])

    return compiled_c(of_vectors, 4, dtype, name)


def elementwise(name: str, x: np.ndarray) -> np.ndarray:
    """A function of ``refseq.engine.vector_math`` of every entry."""
    lanes = vector.lanes(x.dtype)
    padded = np.concatenate([x, np.zeros(-len(x) % lanes, x.dtype)])
    result = np.empty_like(padded)
    where = map(address, (padded, result))
    calling.run_4(_elementwise(name, str(x.dtype)).address, len(padded) // lanes, *where, 0)
    return result[: len(x)]


@cache
def _of_two(name: str, dtype: str) -> CFunction:
    element: Any = numba.from_dtype(np.dtype(dtype))
    strip, lanes = strip_of(element), vector.lanes(dtype)
    function = getattr(vector_math, name)

    def of_two_vectors(count, source, second, target):
        x, z, y = strip(source, 0), strip(second, 0), strip(target, 0)
        for v in range(count):
            y[0, v * lanes] = function(x[0, v * lanes], z[0, v * lanes])

    return compiled_c(of_two_vectors, 4, dtype, name)


def of_two(name: str, x: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The same of two arrays."""
    lanes, count = vector.lanes(x.dtype), len(x)
    x, second = (np.concatenate([each, np.zeros(-count % lanes, each.dtype)]) for each in (x, second))
    result = np.empty_like(x)
    where = map(address, (x, second, result))
    calling.run_4(_of_two(name, str(x.dtype)).address, len(x) // lanes, *where)
    return result[:count]


def called(function: CFunction, *arguments: int) -> None:
    """Call a C function of any number of integers."""
    call: Callable = function.ctypes
    call(*arguments)
