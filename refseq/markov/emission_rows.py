"""Scores of the states by what is observed, each with its adjoint beside it.

    discrete   e_t[j] = B[j, x_t]
    Gaussian   e_t[j] = -(1/2) sum_d ((x_td - mean[j, d])^2 exp(-v[j, d]) + v[j, d] + log 2 pi)

with the logarithm v of the variance. Passes of rows: a sequence, for the scores and the gradient in x; a state, for the
gradients of its parameters, which it sums over the time steps and rows of the batch in their order.
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.primitives import complement, exp, zero
from refseq.team import Team


@register_jitable
def half(x):
    """1/2 in the number field of x."""
    one = complement(zero(x))
    return one / (one + one)


@cache
def build_discrete(team: Team) -> Callable:
    """row(b, B, x, lengths, e) for sequence b: x (T, B) of integers."""
    index, size = team.index, team.size

    @register_jitable
    def row(b, B, x, lengths, e):
        for t in range(lengths[b]):
            symbol = x[t, b]
            j = index()
            while j < e.shape[2]:
                e[t, b, j] = B[j, symbol]
                j += size()

    return row


@cache
def build_discrete_backward(team: Team) -> Callable:
    """row(j, x, lengths, de, dB) for state j; one thread, as symbols meet."""
    index = team.index

    @register_jitable
    def row(j, x, lengths, de, dB):
        if index() == 0:
            for t in range(x.shape[0]):
                for b in range(x.shape[1]):
                    if t < lengths[b]:
                        dB[j, x[t, b]] = dB[j, x[t, b]] + de[t, b, j]

    return row


@cache
def build_precisions(team: Team) -> Callable:
    """row(j, mean, v, tau, M, Q, c) for state j: columns j of M, the mean, and of Q = exp(-v), both (D, S); and
    c[0, j] = sum_d (v[j, d] + tau[0]), where tau[0] is log 2 pi."""
    index = team.index

    @register_jitable
    def row(j, mean, v, tau, M, Q, c):
        if index() == 0:
            total = zero(v[j, 0])
            for d in range(v.shape[1]):
                total = total + (v[j, d] + tau[0])
                M[d, j] = mean[j, d]
                Q[d, j] = exp(-v[j, d])
            c[0, j] = total

    return row


@cache
def build_gaussian(views_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, x, lengths, M, Q, c, e) for sequence b: x (T, B, D)."""
    views, index, size = views_of(dtype, team), team.index, team.size
    matrix, at, lanes = views.matrix, views.at, views.lanes
    step, line, spread = lanes.step, lanes.row, lanes.spread

    @register_jitable
    def row(b, x, lengths, M, Q, c, e):
        means, weights, constants = matrix(M), matrix(Q), line(matrix(c), 0)
        if lengths[b] == 0:
            return
        minus_half = spread(-half(c[0, 0]))
        for t in range(lengths[b]):
            now = at(e, (t, b))
            j = index() * step()
            while j < M.shape[1]:
                total = constants[j]
                for d in range(M.shape[0]):
                    away = spread(x[t, b, d]) - means[d, j]
                    total = total + (away * away) * weights[d, j]
                now[j] = minus_half * total
                j += size() * step()

    return row


@cache
def build_gaussian_backward(team: Team) -> Callable:
    """row(j, x, lengths, M, Q, de, dmean, dv) for state j."""
    index, size = team.index, team.size

    @register_jitable
    def row(j, x, lengths, M, Q, de, dmean, dv):
        d = index()
        while d < M.shape[0]:
            mass, first, second = zero(M[d, j]), zero(M[d, j]), zero(M[d, j])
            for t in range(x.shape[0]):
                for b in range(x.shape[1]):
                    if t < lengths[b]:
                        away, share = x[t, b, d] - M[d, j], de[t, b, j]
                        mass = mass + share
                        first = first + share * away
                        second = second + share * (away * away)
            dmean[j, d] = first * Q[d, j]
            dv[j, d] = half(mass) * (second * Q[d, j] - mass)
            d += size()

    return row


@cache
def build_gaussian_inputs(team: Team) -> Callable:
    """row(b, x, lengths, M, Q, de, dx) for sequence b."""
    index, size = team.index, team.size

    @register_jitable
    def row(b, x, lengths, M, Q, de, dx):
        for t in range(lengths[b]):
            d = index()
            while d < M.shape[0]:
                total = zero(M[d, 0])
                for j in range(M.shape[1]):
                    total = total + de[t, b, j] * ((M[d, j] - x[t, b, d]) * Q[d, j])
                dx[t, b, d] = total
                d += size()

    return row
