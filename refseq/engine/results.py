"""Large arrays for results, in memory that is used again (``refseq.engine.workspace``)."""

import ctypes

import numpy as np

from refseq.engine.workspace import Buffer

LARGE = 1 << 20
"""Bytes from which fresh pages cost more than the bookkeeping."""


def result(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised array, which begins at a multiple of 64 bytes if it is large."""
    count = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if count < LARGE:
        return np.empty(shape, dtype)
    buffer = Buffer(count)
    memory = (ctypes.c_char * count).from_address(buffer.address)
    memory.owner = buffer  # the array refers to this memory, and the memory to the buffer
    return np.frombuffer(memory, dtype).reshape(shape)
