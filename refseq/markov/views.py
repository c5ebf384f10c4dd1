"""The rows of arrays, an entry or a SIMD vector at a time: what a function of a sequence needs beside ``Lanes``.

A function that is written once for any ``Views`` reads row t of sequence b by ``lanes.row(views.sequence(x, b), t)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba.extending import register_jitable

from refseq.engine import vector
from refseq.engine.entries import entries_of
from refseq.engine.vector_lanes import vector_lanes
from refseq.kernels import on_vectors
from refseq.lanes import ONE, Lanes


@dataclass(frozen=True)
class Views:
    """
    matrix(x)          the rows of a matrix
    sequence(x, b)     the rows x[:, b] of an array (T, B, K)
    block(x, b)        the rows x[b] of an array (B, R, K)
    """

    lanes: Lanes
    matrix: Callable
    sequence: Callable
    block: Callable


@register_jitable
def _matrix(x):
    return x


@register_jitable
def _sequence(x, b):
    return x[:, b]


@register_jitable
def _block(x, b):
    return x[b]


_SINGLE = Views(ONE, _matrix, _sequence, _block)


def entry_by_entry(dtype: str) -> Views:
    """Of numbers of any field."""
    return _SINGLE


@cache
def by_vectors(dtype: str) -> Views:
    """Of contiguous arrays of this precision; beyond the end of a row is -inf."""
    size = np.dtype(dtype).itemsize
    entries = entries_of(vector.element_of(dtype), -np.inf)

    @register_jitable
    def matrix(x):
        return entries(np.int64(x.ctypes.data), x.shape[1], x.shape[1])

    @register_jitable
    def sequence(x, b):
        start = np.int64(x.ctypes.data) + b * x.shape[2] * size
        return entries(start, x.shape[2], x.shape[1] * x.shape[2])

    @register_jitable
    def block(x, b):
        start = np.int64(x.ctypes.data) + b * x.shape[1] * x.shape[2] * size
        return entries(start, x.shape[2], x.shape[2])

    return Views(vector_lanes(dtype), matrix, sequence, block)


def views_for(dtype: str, target: str) -> Callable[[str], Views]:
    """What runs on this target: a function by whose name and source compiled code is found again."""
    return by_vectors if on_vectors(dtype, target) else entry_by_entry
