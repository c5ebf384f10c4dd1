"""The linear autoregressive model on one sequence: residuals and log-likelihood, and the adjoint.

    r_t = x_t - b - sum_k W_k x_(t-1-k)                     for t >= tau, k = 0 ... tau - 1
    log p = -(1/2) sum_t sum_d (r_td^2 exp(-v_d) + v_d + log 2 pi)

x, r (T, B, D), W (tau, D, D), b, v (D,), one (1,) holds log 2 pi; lengths, value (B,). The gradients of W, b, v are
summed over steps and rows in a second pass, of rows d.
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.markov.emission_rows import half
from refseq.primitives import exp, zero
from refseq.team import Team


@cache
def build_forward(team: Team) -> Callable:
    """row(b, W, bias, v, one, x, lengths, value, r) for sequence b."""
    index, size, barrier = team.index, team.size, team.barrier

    @register_jitable
    def row(b, W, bias, v, one, x, lengths, value, r):
        order, width = W.shape[0], W.shape[1]
        if lengths[b] <= order:
            return
        for t in range(order, lengths[b]):
            d = index()
            while d < width:
                left = x[t, b, d] - bias[d]
                for k in range(order):
                    for i in range(width):
                        left = left - W[k, d, i] * x[t - 1 - k, b, i]
                r[t, b, d] = left
                d += size()
        barrier()
        if index() == 0:
            total = zero(v[0])
            for t in range(order, lengths[b]):
                for d in range(width):
                    total = total + ((r[t, b, d] * r[t, b, d]) * exp(-v[d]) + (v[d] + one[0]))
            value[b] = -half(total) * total

    return row


@cache
def build_inputs(team: Team) -> Callable:
    """row(b, W, v, lengths, r, dvalue, dr, dx) for sequence b: dr, the gradient in r, and dx."""
    index, size, barrier = team.index, team.size, team.barrier

    @register_jitable
    def row(b, W, v, lengths, r, dvalue, dr, dx):
        order, width = W.shape[0], W.shape[1]
        if lengths[b] <= order:
            return
        for t in range(order, lengths[b]):
            d = index()
            while d < width:
                dr[t, b, d] = -dvalue[b] * (r[t, b, d] * exp(-v[d]))
                d += size()
        barrier()
        for t in range(lengths[b]):
            i = index()
            while i < width:
                total = zero(v[0])
                if t >= order:
                    total = dr[t, b, i]
                for k in range(order):
                    after = t + 1 + k
                    if order <= after < lengths[b]:
                        for d in range(width):
                            total = total - W[k, d, i] * dr[after, b, d]
                dx[t, b, i] = total
                i += size()

    return row


@cache
def build_parameters(team: Team) -> Callable:
    """row(d, x, lengths, v, r, dvalue, dr, dW, dbias, dv): the gradients of unit d, dW (D, tau, D)."""
    index, size = team.index, team.size

    @register_jitable
    def row(d, x, lengths, v, r, dvalue, dr, dW, dbias, dv):
        order, width = dW.shape[1], dW.shape[2]
        i = index()
        while i < width:
            for k in range(order):
                total = zero(v[d])
                for b in range(x.shape[1]):
                    for t in range(order, lengths[b]):
                        total = total - dr[t, b, d] * x[t - 1 - k, b, i]
                dW[d, k, i] = total
            i += size()
        if index() == 0:
            shift, spread, mass = zero(v[d]), zero(v[d]), zero(v[d])
            for b in range(x.shape[1]):
                for t in range(order, lengths[b]):
                    shift = shift - dr[t, b, d]
                    spread = spread - dr[t, b, d] * r[t, b, d]
                    mass = mass + dvalue[b]
            dbias[d] = shift
            dv[d] = half(mass) * (spread - mass)

    return row
