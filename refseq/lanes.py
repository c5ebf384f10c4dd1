"""How many entries of a row are taken at a time, and what that takes: one here, a SIMD vector in ``refseq.engine``.

A function that is written once for any ``Lanes`` goes over a row by ``for j in range(0, len(row), step())``; row[j] is
then one number, or a vector of those from entry j on. Beyond the end of the row a vector has a filler, which counts for
nothing if the function says so (``within``), and nothing is written there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from numba.extending import register_jitable

from refseq.primitives import zero
from refseq.row import row_of
from refseq.softmax import pivot


@dataclass(frozen=True)
class Lanes:
    """
    step()              entries at a time
    row(rows, n)        row n
    entry(row, j)       entry j, as one number
    put(row, j, x)      writes one number
    spread(x)           the number x for every entry
    fold(x)             the sum over entries
    apart(x, j, m)      x, which begins at entry j, with 0 for entry m
    within(x, j, n)     x, which begins at entry j, with 0 beyond the n entries of the row
    product(q, x)       q x, and 0 where q is 0, whatever x is
    less(a, b, c)       a b - c, rounded once on vectors
    pivot(row)          ``refseq.softmax.pivot``
    """

    step: Callable
    row: Callable
    entry: Callable
    put: Callable
    spread: Callable
    fold: Callable
    apart: Callable
    within: Callable
    product: Callable
    less: Callable
    pivot: Callable


@register_jitable
def _step():
    return 1


@register_jitable
def _item(row, j):
    return row[j]


@register_jitable
def _put(row, j, x):
    row[j] = x


@register_jitable
def _same(x):
    return x


@register_jitable
def _apart(x, j, m):
    return zero(x) if j == m else x


@register_jitable
def _within(x, j, n):
    return x


@register_jitable
def _product(q, x):
    return zero(q) if q == zero(q) else q * x  # and not "!=": a ball around 0 is neither


@register_jitable
def _less(a, b, c):
    return a * b - c


ONE = Lanes(_step, row_of, _item, _put, _same, _same, _apart, _within, _product, _less, pivot)
"""One number at a time, of any field."""
