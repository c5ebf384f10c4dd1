"""Arrays over any number field: zeros of the right kind, and the dtypes that refseq accepts."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from refseq.primitives import zero

DTYPES = ("float32", "float64", "complex64", "complex128", "object")
"""Every dtype that the reference target accepts; ``object`` holds numbers of a registered field."""


class Elsewhere(ABC):
    """An array that only its target can read, as on a device; to those who only pass it on, a numpy array. It has
    shape, dtype, ndim and size, views by integers and slices, transpose and reshape, assignment, +, / 2, copy, and the
    sum of a row; and, for the functions below, what follows."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @abstractmethod
    def zeros(self, shape: tuple[int, ...]) -> Any:
        """Zeros in the same place, of the same dtype."""

    @abstractmethod
    def empty(self, shape: tuple[int, ...]) -> Any:
        """Whatever is there, in the same place, of the same dtype."""

    @abstractmethod
    def sent(self, array: np.ndarray) -> Any:
        """Whole numbers of the host, in the same place."""

    @abstractmethod
    def rows(self, index: np.ndarray) -> Any:
        """The entries with these numbers (N,) along the first axis, and zeros for a number below 0."""

    @abstractmethod
    def read(self) -> np.ndarray:
        """A copy on the host, which waits for the numbers."""

    @abstractmethod
    def weighed(self, weights: np.ndarray) -> Any:
        """The sum of all products with as many numbers of the host, added up in double precision: an array without
        axes."""

    @abstractmethod
    def writable(self, name: str) -> Any:
        """The array, as one that results are written to, which then leaves as the caller gave it. Raises ValueError
        naming the argument where that is not possible."""

    @abstractmethod
    def contiguous(self) -> Any:
        """The array itself if its entries follow one another in memory, else a copy."""

    @abstractmethod
    def beside(self, others: Sequence[Any]) -> Any:
        """The array and others as one, joined along the last axis."""

    @abstractmethod
    def broadcast(self, shape: tuple[int, ...]) -> Any:
        """A view of this shape, in which axes of length 1 repeat."""


def zeros(shape: tuple[int, ...], like: Any) -> np.ndarray:
    """Zeros in the number field of ``like``, and where it is; for objects, the field's own zero."""
    if isinstance(like, Elsewhere):
        return like.zeros(shape)
    if like.dtype != object:
        return np.zeros(shape, like.dtype)
    result = np.empty(shape, object)
    result.fill(zero(like.flat[0]) if like.size else 0)
    return result


def few(shape: tuple[int, ...], like: Any) -> np.ndarray:
    """As ``zeros``, but on the host wherever ``like`` is: for a few numbers that are known there."""
    return np.zeros(shape, like.dtype) if isinstance(like, Elsewhere) else zeros(shape, like)


def whole(array: np.ndarray, like: Any) -> np.ndarray:
    """Whole numbers of the host that only functions of a target read and write: where ``like`` is."""
    return like.sent(array) if isinstance(like, Elsewhere) else array


def read(array: Any) -> np.ndarray:
    """The array as numpy has it; of one elsewhere a copy, for which the host waits."""
    return array.read() if isinstance(array, Elsewhere) else array


def rows(array: Any, index: np.ndarray) -> np.ndarray:
    """The entries with these numbers along the first axis; of an array elsewhere also zeros, for numbers below 0."""
    return array.rows(index) if isinstance(array, Elsewhere) else array[index]


def contiguous(array: Any) -> np.ndarray:
    """The array itself if its entries follow one another in memory, else a copy."""
    return array.contiguous() if isinstance(array, Elsewhere) else np.ascontiguousarray(array)


def beside(arrays: Sequence[Any]) -> np.ndarray:
    """The arrays as one, joined along the last axis."""
    first, *others = arrays
    return first.beside(others) if isinstance(first, Elsewhere) else np.concatenate(arrays, axis=-1)


def broadcast(array: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A view of this shape, in which axes of length 1 repeat."""
    return array.broadcast(shape) if isinstance(array, Elsewhere) else np.broadcast_to(array, shape)


def sample(array: Any) -> Any:
    """A number of the kind that the array holds."""
    return array.dtype.type(0) if isinstance(array, Elsewhere) else array.flat[0]


@cache
def name_of(dtype: np.dtype) -> str:
    """Its name, which numpy makes anew each time in microseconds."""
    return str(dtype)


def field_name(array: Any) -> str:
    """What to call the numbers in an array in a message: its dtype, or the type of its objects."""
    if array.dtype == object and array.size:
        return f"object ({type(array.flat[0]).__name__})"
    return name_of(array.dtype)


def lift(array: np.ndarray, number: Callable[[Any], Any]) -> np.ndarray:
    """An object array of ``number(entry)``, entry by entry."""
    result = np.empty(array.shape, object)
    result.reshape(-1)[:] = [number(entry) for entry in array.reshape(-1).tolist()]
    return result
