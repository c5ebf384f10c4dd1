"""Arrays over any number field: zeros of the right kind, and the dtypes that refseq accepts."""

from collections.abc import Callable
from typing import Any

import numpy as np

from refseq.primitives import zero

DTYPES = ("float32", "float64", "complex64", "complex128", "object")
"""Every dtype that the reference target accepts; ``object`` holds numbers of a registered field."""


def zeros(shape: tuple[int, ...], like: np.ndarray) -> np.ndarray:
    """Zeros in the number field of ``like``; for objects, the field's own zero."""
    if like.dtype != object:
        return np.zeros(shape, like.dtype)
    result = np.empty(shape, object)
    result.fill(zero(like.flat[0]) if like.size else 0)
    return result


def field_name(array: np.ndarray) -> str:
    """What to call the numbers in an array in a message: its dtype, or the type of its objects."""
    if array.dtype == object and array.size:
        return f"object ({type(array.flat[0]).__name__})"
    return str(array.dtype)


def lift(array: np.ndarray, number: Callable[[Any], Any]) -> np.ndarray:
    """An object array of ``number(entry)``, entry by entry."""
    result = np.empty(array.shape, object)
    result.reshape(-1)[:] = [number(entry) for entry in array.reshape(-1).tolist()]
    return result
