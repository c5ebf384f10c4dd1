"""Log-softmax of the rows of a matrix, and its adjoint, as functions of one row."""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.primitives import zero
from refseq.softmax import log_softmax, pivot, probability, rest
from refseq.team import Team


@cache
def build(team: Team) -> Callable:
    """row(i, a, z): z[i] = a[i] - logsumexp(a[i])."""
    index, size = team.index, team.size

    @register_jitable
    def row(i, a, z):
        log_softmax(z[i], a[i], index(), size())

    return row


@cache
def build_backward(team: Team) -> Callable:
    """row(i, a, dz, da): the gradient in a[i], dz[i, j] - softmax(a[i])[j] sum_k dz[i, k]."""
    index, size = team.index, team.size

    @register_jitable
    def row(i, a, dz, da):
        m = pivot(a[i])
        others, total = rest(a[i], m), zero(a[i, 0])
        for k in range(a.shape[1]):
            total = total + dz[i, k]
        j = index()
        while j < a.shape[1]:
            da[i, j] = dz[i, j] - probability(a[i], j, m, others) * total
            j += size()

    return row
