"""Softmax of a row in its own place, with its adjoint, for any lanes; the formulas are those of ``refseq.softmax``.

p_j = exp(a_j - a_m) / (1 + sum over k other than m of exp(a_k - a_m))        m: the pivot of the row
da_j = p_j (dp_j - sum_k p_k dp_k)
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.exponentials import build as build_exponentials
from refseq.lanes import Lanes
from refseq.primitives import complement


@cache
def build(lanes: Lanes) -> tuple[Callable, Callable]:
    """softmax(row) of scores, -inf beyond the end; softmax_backward(drow, p), both with 0 beyond it."""
    step, spread, fold, pivot = lanes.step, lanes.spread, lanes.fold, lanes.pivot
    exponentials = build_exponentials(lanes)

    @register_jitable
    def softmax(row):
        whole = spread(complement(-exponentials(row, row, pivot(row))))
        for j in range(0, len(row), step()):
            row[j] = row[j] / whole

    @register_jitable
    def softmax_backward(drow, p):
        mean = p[0] * drow[0]
        for j in range(step(), len(p), step()):
            mean = mean + p[j] * drow[j]
        level = spread(fold(mean))
        for j in range(0, len(p), step()):
            drow[j] = p[j] * (drow[j] - level)

    return softmax, softmax_backward
