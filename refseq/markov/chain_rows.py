"""The sum over all paths through the states of a chain, and its gradient, for one sequence.

    log Z = log sum over z_0 ... z_(L-1) of exp(a[z_0] + e_0[z_0] + sum_(t>0) (A[z_(t-1), z_t] + e_t[z_t]))

by the forward algorithm, each step about the pivot m, the largest of q + c (c: the largest score of every row of A), so
that one step takes an exponential and a logarithm for every state, and none for every pair of them:

    q_0 = a + e_0
    p_(t-1)[i] = exp(q_(t-1)[i] + c[i] - m)
    s_t[j]     = sum_i p_(t-1)[i] E[i, j]              E[i, j] = exp(A[i, j] - c[i])
    q_t[j]     = log s_t[j] + e_t[j]                   log Z = sum of all m + logsumexp(q_(L-1))

The result does not depend on which entries are pivots. Where s_t[j] is so small that terms of it may have underflowed,
q_t[j] is taken again as logsumexp(q_(t-1)[i] + A[i, j]) - m ("directly"), and s_t[j] = -1 says so. The gradient g_t of
log Z in e_t is the posterior probability of the states at t:

    g_(L-1) = softmax(q_(L-1))      r = g_t / s_t      g_(t-1)[i] = p_(t-1)[i] sum_j E[i, j] r[j]
    dA[i, j] = E[i, j] sum_t p_(t-1)[i] r_t[j]         da = g_0

and directly g_(t-1)[i] and dA[i, j] gain g_t[j] softmax(q_(t-1)[i] + A[i, j]). A sequence without any possible path has
log Z = -inf, and gradients 0.

Arrays: a (1, S), A (S, S), e (T, B, S), lengths (B,), E and its transpose R (S, S), c (1, S); log Z (B,); p, s, q
(T, B, S), p_t in row t. L. R. Rabiner, Proc. IEEE 77 (1989); the pivots do what the scaling of its section V.A does.
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.exponentials import build_rest
from refseq.primitives import choose, complement, constant, exp, log, log1p, order, zero
from refseq.softmax import impossible, pivot
from refseq.team import Team

FLOOR = {"float32": 2.0**-96, "float64": 2.0**-900}
"""Sums below it are taken directly: what has underflowed is then less than a rounding error of any larger one."""


@cache
def build_weights(team: Team) -> Callable:
    """row(i, A, E, R, c): row i of E, column i of R, c[i]. A row of nothing but -inf has c = 0."""
    index, size = team.index, team.size

    @register_jitable
    def row(i, A, E, R, c):
        top = A[i, pivot(A[i])]
        if impossible(top):
            top = zero(top)
        j = index()
        while j < A.shape[1]:
            E[i, j] = exp(A[i, j] - top)
            R[j, i] = E[i, j]
            j += size()
        if index() == 0:
            c[0, i] = top

    return row


@register_jitable
def leading(q, A, t, b, k):
    """The i for which q_t[i] + A[i, k] is largest, as ``refseq.softmax.pivot``."""
    m = 0
    for i in range(1, A.shape[0]):
        if order(q[t, b, i] + A[i, k]) > order(q[t, b, m] + A[m, k]):
            m = i
    return m


@register_jitable
def others_than(q, A, t, b, k, m):
    """sum_i exp(q_t[i] + A[i, k] - (q_t[m] + A[m, k])) over i other than m."""
    top = q[t, b, m] + A[m, k]
    total = zero(top)
    for i in range(A.shape[0]):
        if i != m:
            total = total + exp((q[t, b, i] + A[i, k]) - top)
    return total


@cache
def build_forward(views_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, a, A, e, lengths, how, E, c, value, p, s, q, low, w) for sequence b. how[0]: 1 to take all sums directly;
    low (T, B): 1 where one is; w (1, B, S): scratch."""
    views, index, size, barrier = views_of(dtype, team), team.index, team.size, team.barrier
    matrix, at, lanes, floor = views.matrix, views.at, views.lanes, FLOOR.get(dtype, FLOOR["float64"])
    step, line, entry, put, spread = lanes.step, lanes.row, lanes.entry, lanes.put, lanes.spread
    fold, peak, within, rest = lanes.fold, lanes.pivot, lanes.within, build_rest(lanes)

    @register_jitable
    def row(b, a, A, e, lengths, how, E, c, value, p, s, q, low, w):
        steps, n = lengths[b], A.shape[0]
        if steps == 0:
            return
        weights, pivots, sight = matrix(E), line(matrix(c), 0), at(w, (0, b))
        first, now, emitted = line(matrix(a), 0), at(q, (0, b)), at(e, (0, b))
        total = zero(a[0, 0])
        j = index() * step()
        while j < n:
            now[j] = first[j] + emitted[j]
            j += size() * step()
        barrier()
        for t in range(1, steps):
            before, now, emitted = at(q, (t - 1, b)), at(q, (t, b)), at(e, (t, b))
            share, arriving = at(p, (t - 1, b)), at(s, (t, b))
            j = index() * step()
            while j < n:
                sight[j] = before[j] + pivots[j]
                j += size() * step()
            barrier()
            top = entry(sight, peak(sight))
            if impossible(top):
                if index() == 0:
                    value[b] = top
                return
            total = total + top
            high = spread(top)
            j = index() * step()
            while j < n:
                share[j] = exp(sight[j] - high)
                j += size() * step()
            barrier()
            least, small = spread(constant(top, floor)), zero(high)
            j = index() * step()
            while j < n:
                found = zero(high)
                for i in range(n):
                    found = found + spread(entry(share, i)) * weights[i, j]
                arriving[j] = found
                now[j] = log(found) + emitted[j]
                small = small + within(choose(least - found, complement(zero(found)), zero(found)), j, n)
                j += size() * step()
            if how[0] == 1 or order(fold(small)) > 0:
                low[t, b] = 1
            barrier()
            k = index() if low[t, b] == 1 else n
            while k < n:
                known = entry(arriving, k)
                if how[0] == 1 or order(known) < order(constant(known, floor)):
                    m = leading(q, A, t - 1, b, k)
                    x = q[t - 1, b, m] + A[m, k]
                    if not impossible(x):
                        x = ((x - top) + log1p(others_than(q, A, t - 1, b, k, m))) + e[t, b, k]
                    put(now, k, x)
                    put(arriving, k, zero(x) - complement(zero(x)))
                k += size()
            barrier()
        m = peak(now)
        top = entry(now, m)
        if not impossible(top):
            top = total + (top + log1p(rest(now, m)))
        if index() == 0:
            value[b] = top

    return row
