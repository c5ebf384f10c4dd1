"""What connectionist temporal classification does with every frame by itself: before the states, and after them.

Each function takes one frame, row r of (T B, C), so that the threads of a team may share the frames. Softmax is about
the pivot, and so is the gradient: that of the pivot is minus the sum of all others, as the posterior sums to 1. So it
keeps its relative accuracy where a prediction is nearly certain.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from numba.extending import register_jitable

from refseq.lanes import Lanes
from refseq.primitives import complement, exp, larger, log1p, zero


class Frames(NamedTuple):
    """
    before   exponentials of the logits about the pivot, in place of the gradient; returns the pivot's logit
    emit     logarithms e of the probabilities of the symbols, about the pivot: the blank's, then those of the labels
    after    the gradient, times a factor, from the posterior of blanks and labels
    fill     a row, with the same number everywhere
    """

    before: Callable
    emit: Callable
    after: Callable
    fill: Callable


@cache
def build(floored: bool, lanes: Lanes) -> Frames:
    """The functions for these lanes; ``floored``: logarithms have a least value, limits[0]."""
    step, row, entry, put, spread = lanes.step, lanes.row, lanes.entry, lanes.put, lanes.spread
    fold, apart, pivot = lanes.fold, lanes.apart, lanes.pivot

    @register_jitable
    def fill(target, x):
        for k in range(0, len(target), step()):
            target[k] = x

    @register_jitable
    def before(r, x, dx, logs, shares, pivots):
        a, e = row(x, r), row(dx, r)
        m = pivot(a)
        top = spread(entry(a, m))
        total = zero(top)
        for k in range(0, len(a), step()):
            part = exp(a[k] - top)
            e[k] = part
            total = total + apart(part, k, m)
        others = fold(total)
        pivots[r], logs[r], shares[r] = m, log1p(others), complement(zero(others)) / complement(-others)
        return entry(a, m)

    @register_jitable
    def emission(x, limits):
        return larger(limits[0], x) if floored else x  # a NaN stays one

    @register_jitable
    def emit(e, a, top, labels, begin, count, blank, limits):
        put(e, 0, emission(entry(a, blank) - top, limits))
        for j in range(1, count + 1):
            put(e, j, emission(entry(a, labels[begin + j - 1]) - top, limits))

    @register_jitable
    def after(r, blanks, own, dx, factor, labels, begin, count, blank, softened, shares, pivots):
        d, share = row(dx, r), spread(shares[r])
        for k in range(0, len(d), step()):
            d[k] = d[k] * share if softened else zero(share)
        total = zero(share)
        for j in range(0, count + 1, step()):
            total = total + blanks[j]
        put(d, blank, entry(d, blank) - fold(total))
        for j in range(1, count + 1):
            k = labels[begin + j - 1]
            put(d, k, entry(d, k) - entry(own, j))
        outer = spread(factor)
        if softened:
            m, others = pivots[r], zero(outer)
            for k in range(0, len(d), step()):
                others = others + apart(d[k], k, m)
            put(d, m, -fold(others))
        for k in range(0, len(d), step()):
            d[k] = outer * d[k]

    return Frames(before, emit, after, fill)
