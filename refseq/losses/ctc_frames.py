"""What connectionist temporal classification does with every frame by itself: before the states, and after them.

The threads of a team share the frames. Softmax is about the pivot, and so is the gradient: that of the pivot is minus
the sum of all others, as the posterior sums to 1. So it keeps its accuracy where a prediction is nearly certain.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from numba.extending import register_jitable

from refseq.exponentials import build as build_exponentials
from refseq.losses.ctc_trellis import KINDS, Trellis
from refseq.primitives import complement, larger, log1p, zero
from refseq.team import Team


class Frames(NamedTuple):
    """
    prepare      of logits, the exponentials about the pivot in place of the gradient, and their sum without the pivot's
                 own, the rest; logarithms of the probabilities of the symbols, the blank's and then those of the labels
    normalisers  the sum of log(1 + rest) over frames
    finish       the gradient, times a factor, from the posterior of the states
    nothing      no gradient, from a frame on
    """

    prepare: Callable
    normalisers: Callable
    finish: Callable
    nothing: Callable


@cache
def build(floored: bool, team: Team, trellis: Trellis) -> Frames:
    """The functions of a team; ``floored``: logarithms have a least value, limits[0]."""
    index, size, lanes, clear = team.index, team.size, trellis.lanes, trellis.clear
    step, row, entry, put, spread = lanes.step, lanes.row, lanes.entry, lanes.put, lanes.spread
    fold, within, pivot, exponentials = lanes.fold, lanes.within, lanes.pivot, build_exponentials(lanes)

    @register_jitable
    def nothing(b, first, steps, batch, dx, like):
        t = first + index()
        while t < steps:
            d = row(dx, t * batch + b)
            for k in range(0, len(d), step()):
                d[k] = zero(spread(like))
            t += size()

    @register_jitable
    def emission(x, least):
        return larger(least, x) if floored else x  # a NaN stays one

    @register_jitable
    def prepare(
        b, n, batch, place, x, dx, rests, shares, pivots, emissions, labels, begin, count, blank, softened, limits, like
    ):  # fmt: skip
        t, least = index(), limits[0]
        while t < n:
            r = t * batch + b
            a, top = row(x, r), zero(like)
            if softened:
                m = pivot(a)
                top, rest = entry(a, m), exponentials(row(dx, r), a, m)
                put(rests, t, rest)
                pivots[r], shares[r] = m, complement(zero(rest)) / complement(-rest)
            e = row(emissions, place + t)
            clear(e, least)
            put(e, 0, emission(entry(a, blank) - top, least))
            for j in range(1, count + 1):
                put(e, j, emission(entry(a, labels[begin + j - 1]) - top, least))
            t += size()

    @register_jitable
    def normalisers(rests, n):
        total = zero(rests[0])
        for t in range(0, n, step()):
            total = total + within(log1p(rests[t]), t, n)
        return fold(total)

    @register_jitable
    def finish(b, n, batch, place, dx, factor, labels, begin, count, blank, softened, rests, shares, pivots, posterior):
        t = index()
        while t < n:
            r, p = t * batch + b, (place + t) * KINDS
            d, blanks, own = row(dx, r), row(posterior, p), row(posterior, p + 1)
            m = pivots[r] if softened else -1
            scale = spread(shares[r] * factor)
            for k in range(0, len(d), step()):
                d[k] = d[k] * scale if softened else zero(scale)
            sums = zero(scale)
            for j in range(0, count + 1, step()):
                sums = sums + blanks[j]
            mass, elsewhere = fold(sums), zero(factor)  # elsewhere: the posterior of what is not the pivot
            if blank != m:
                put(d, blank, entry(d, blank) - factor * mass)
                elsewhere = mass
            for j in range(1, count + 1):
                k, mass = labels[begin + j - 1], entry(own, j)
                if k != m:
                    put(d, k, entry(d, k) - factor * mass)
                    elsewhere = elsewhere + mass
            if softened:
                put(d, m, factor * (elsewhere - entry(rests, t) * shares[r]))
            t += size()

    return Frames(prepare, normalisers, finish, nothing)
