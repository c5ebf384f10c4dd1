"""Log-softmax of the rows of a matrix, and its adjoint, as functions of one row."""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.softmax import log_softmax, log_softmax_backward
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
    """row(i, z, dz, da): the gradient in a[i]."""
    index, size = team.index, team.size

    @register_jitable
    def row(i, z, dz, da):
        log_softmax_backward(da[i], z[i], dz[i], index(), size())

    return row
