"""What the formulas of attention calculate with: rows of numbers or vectors, and matrix products.

Products are written for a team of ``lanes`` threads of which this one is number ``lane``, as in ``refseq.linear``:
every entry is one sum, upward from its old value, whoever computes it. ``room`` is scratch, and ``tools`` are
addresses, for those that need any.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable

from refseq.lanes import ONE, Lanes
from refseq.primitives import zero


@dataclass(frozen=True)
class Kit:
    """
    width(n)                          columns of an array for n numbers, and its rows; the others are zero
    room(*sizes)                      entries of scratch, by pairs of depth and columns of the operands
    tools()                           addresses
    whole(matrix)                     what is indexed [i, j] for the vector that begins there
    lines(matrix)                     what gives [i, :n], the first n entries of row i for lanes; beyond them 0
    score_lines(matrix)               the same; beyond them -inf
    clear(matrix, i)                  row i becomes 0
    take(matrix, i, x, t, b)          row i becomes x[t, b, :], beyond its entries 0
    put(x, t, b, matrix, i)           x[t, b, :] becomes what row i begins with
    blank(x, t, b)                    x[t, b, :] becomes 0
    pack(room, B, depth)              makes ready the rows of B
    add(C, A, B, first, last, depth, packed)     C[m, n] += sum over k < depth of A[m, k] B[k, n] for first <= m < last
    pack_turned(room, B)              makes ready the columns of B
    add_by_rows(C, A, B, first, last)            C[m, n] += sum_k A[m, k] B[n, k] for first <= m < last
    add_turned(C, A, B, first, last, depth)      C[m, n] += sum over k < depth of A[k, m] B[k, n] for first <= m < last
    panels(columns)                   how many parts a matrix of so many columns is packed in; 0 where none is packed
    pack_panel(packed, B, n)          makes ready part n of all rows of B
    add_turned_to(C, A, B, packed, first, last)  as ``add_turned``, of all k
    """

    lanes: Lanes
    width: Callable[[int], int]
    room: Callable[..., int]
    tools: Callable[[], np.ndarray]
    whole: Callable
    lines: Callable
    score_lines: Callable
    clear: Callable
    take: Callable
    put: Callable
    blank: Callable
    pack: Callable
    add: Callable
    pack_turned: Callable
    add_by_rows: Callable
    add_turned: Callable
    panels: Callable[[int], int]
    pack_panel: Callable
    add_turned_to: Callable


def _same_width(n: int) -> int:
    return n


def _no_room(*sizes: Any) -> int:
    return 1


def _no_tools() -> np.ndarray:
    return np.zeros(2, np.int64)


@register_jitable
def _whole(matrix):
    return matrix


@register_jitable
def _clear(matrix, i, lane, lanes):
    j = lane
    while j < matrix.shape[1]:
        matrix[i, j] = zero(matrix[i, j])
        j += lanes


@register_jitable
def _take(matrix, i, x, t, b, lane, lanes):
    j = lane
    while j < x.shape[2]:
        matrix[i, j] = x[t, b, j]
        j += lanes


@register_jitable
def _put(x, t, b, matrix, i, lane, lanes):
    j = lane
    while j < x.shape[2]:
        x[t, b, j] = matrix[i, j]
        j += lanes


@register_jitable
def _blank(x, t, b, lane, lanes):
    j = lane
    while j < x.shape[2]:
        x[t, b, j] = zero(x[t, b, j])
        j += lanes


@register_jitable
def _pack(room, B, depth):
    pass


@register_jitable
def _pack_turned(room, B):
    pass


@register_jitable
def _add(C, A, B, room, tools, first, last, depth, packed, lane, lanes):
    for m in range(first, last):
        n = lane
        while n < C.shape[1]:
            total = C[m, n]
            for k in range(depth):
                total = total + A[m, k] * B[k, n]
            C[m, n] = total
            n += lanes


@register_jitable
def _add_by_rows(C, A, B, room, tools, first, last, lane, lanes):
    for m in range(first, last):
        n = lane
        while n < C.shape[1]:
            total = C[m, n]
            for k in range(A.shape[1]):
                total = total + A[m, k] * B[n, k]
            C[m, n] = total
            n += lanes


@register_jitable
def _add_turned(C, A, B, room, tools, first, last, depth, lane, lanes):
    for m in range(first, last):
        n = lane
        while n < C.shape[1]:
            total = C[m, n]
            for k in range(depth):
                total = total + A[k, m] * B[k, n]
            C[m, n] = total
            n += lanes


def _no_panels(columns: int) -> int:
    return 0


@register_jitable
def _pack_panel(packed, B, n):
    pass


@register_jitable
def _add_turned_to(C, A, B, packed, room, tools, first, last, lane, lanes):
    _add_turned(C, A, B, room, tools, first, last, A.shape[0], lane, lanes)


@cache
def plain_kit(dtype: str = "") -> Kit:
    """One number at a time, of any field."""
    return Kit(
        ONE,
        _same_width,
        _no_room,
        _no_tools,
        _whole,
        _whole,
        _whole,
        _clear,
        _take,
        _put,
        _blank,
        _pack,
        _add,
        _pack_turned,
        _add_by_rows,
        _add_turned,
        _no_panels,
        _pack_panel,
        _add_turned_to,
    )
