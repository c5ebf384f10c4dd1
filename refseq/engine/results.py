"""Large arrays for results, in memory that is used again (``refseq.engine.workspace``)."""

import ctypes
import math
from typing import Any

import numpy as np

from refseq.arrays import Elsewhere
from refseq.engine.workspace import Buffer

LARGE = 1 << 17
"""Bytes from which fresh pages cost more than the bookkeeping."""


def result(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised array, which begins at a multiple of 64 bytes if it is large."""
    count = math.prod(shape) * dtype.itemsize
    if count < LARGE:
        return np.empty(shape, dtype)
    buffer = Buffer(count)
    memory: Any = (ctypes.c_char * count).from_address(buffer.address)
    memory.owner = buffer  # the array refers to this memory, and the memory to the buffer
    return np.frombuffer(memory, dtype).reshape(shape)


def result_like(shape: tuple[int, ...], like: Any) -> np.ndarray:
    """``result`` of the dtype of an array, and where that is."""
    return like.empty(shape) if isinstance(like, Elsewhere) else result(shape, like.dtype)


def copied(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A contiguous copy in this dtype."""
    if array.nbytes < LARGE or dtype.hasobject:
        return array.astype(dtype, order="C")
    new = result(array.shape, dtype)
    new[...] = array
    return new


def cleared(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Zeros."""
    new = result(shape, dtype)
    new.fill(0)
    return new
