"""The exponentials of a row about its pivot, from which every softmax on lanes is made: the formulas of
``refseq.softmax`` for several entries at a time (``refseq.lanes``).

    e_j = exp(a_j - a_m)        rest = sum of e_k over k other than m        softmax_j = e_j / (1 + rest)
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.lanes import Lanes
from refseq.primitives import exp, zero


@cache
def build_rest(lanes: Lanes) -> Callable:
    """rest(a, m): the exponentials are not kept."""
    step, entry, spread, fold, apart = lanes.step, lanes.entry, lanes.spread, lanes.fold, lanes.apart

    @register_jitable
    def rest(a, m):
        top = spread(entry(a, m))
        total = zero(top)
        for j in range(0, len(a), step()):
            total = total + apart(exp(a[j] - top), j, m)
        return fold(total)

    return rest


@cache
def build(lanes: Lanes) -> Callable:
    """exponentials(e, a, m) writes e, which may be a itself, and returns the rest."""
    step, entry, spread, fold, apart = lanes.step, lanes.entry, lanes.spread, lanes.fold, lanes.apart

    @register_jitable
    def exponentials(e, a, m):
        top = spread(entry(a, m))
        total = zero(top)
        for j in range(0, len(a), step()):
            part = exp(a[j] - top)
            e[j] = part
            total = total + apart(part, j, m)
        return fold(total)

    return exponentials
