"""The rows of arrays, an entry or a SIMD vector at a time: what a function of a sequence needs beside ``Lanes``.

A function that is written once for any ``Views`` takes row t of sequence b by ``at(x, (t, b))``, and row n of a matrix
by ``lanes.row(matrix(x), n)``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numba.extending import register_jitable

from refseq.engine import vector
from refseq.engine.entries import entries_of
from refseq.engine.vector_lanes import vector_lanes
from refseq.kernels import on_vectors
from refseq.lanes import ONE, Lanes
from refseq.team import Team


@dataclass(frozen=True)
class Views:
    """
    matrix(x)      the rows of a matrix
    at(x, (t, b))  the row x[t, b] of an array (T, B, K)
    block(x, b)    the rows x[b] of an array (B, R, K)
    """

    lanes: Lanes
    matrix: Callable
    at: Callable
    block: Callable


@register_jitable
def _matrix(x):
    return x


@cache
def entry_by_entry(dtype: str, team: Team) -> Views:
    """Of numbers of any field."""
    return Views(replace(ONE, row=team.row), _matrix, team.row, team.row)


@cache
def by_vectors(dtype: str, team: Team) -> Views:
    """Of contiguous arrays of this precision; beyond the end of a row is -inf."""
    size = np.dtype(dtype).itemsize
    entries = entries_of(vector.element_of(dtype), -np.inf)

    @register_jitable
    def matrix(x):
        return entries(np.int64(x.ctypes.data), x.shape[1], x.shape[1])

    @register_jitable
    def at(x, place):
        start = np.int64(x.ctypes.data) + (place[0] * x.shape[1] + place[1]) * x.shape[2] * size
        return entries(start, x.shape[2], x.shape[2])

    @register_jitable
    def block(x, b):
        start = np.int64(x.ctypes.data) + b * x.shape[1] * x.shape[2] * size
        return entries(start, x.shape[2], x.shape[2])

    return Views(vector_lanes(dtype), matrix, at, block)


def views_for(dtype: str, target: str) -> Callable[[str, Team], Views]:
    """What runs on this target: a function by whose name and source compiled code is found again."""
    return by_vectors if on_vectors(dtype, target) else entry_by_entry
