"""The gradient of the sum over all paths (``refseq.markov.chain_rows``), for one sequence: its posterior counts."""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.exponentials import build_rest
from refseq.markov.chain_rows import FLOOR, leading, others_than
from refseq.primitives import complement, constant, exp, order, zero
from refseq.softmax import impossible
from refseq.team import Team


@cache
def build_backward(views_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, A, lengths, how, E, R, value, p, s, q, low, dvalue, de, dA, r, N) for sequence b: de (T, B, S), the
    gradient in e; dA (B, S, S), its share of the gradient in A, if how[1] is 1. Scratch: r (1, B, S), N like dA."""
    views, index, size, barrier = views_of(dtype, team), team.index, team.size, team.barrier
    matrix, at, block, lanes = views.matrix, views.at, views.block, views.lanes
    step, entry, put, spread = lanes.step, lanes.entry, lanes.put, lanes.spread
    peak, rest, floor = lanes.pivot, build_rest(lanes), FLOOR.get(dtype, FLOOR["float64"])

    @register_jitable
    def row(b, A, lengths, how, E, R, value, p, s, q, low, dvalue, de, dA, r, N):
        steps, n, counted = lengths[b], A.shape[0], how[1] == 1
        if steps == 0 or impossible(value[b]):
            return
        back, ratio, pairs = matrix(R), at(r, (0, b)), block(N, b if counted else 0)
        last, now = at(q, (steps - 1, b)), at(de, (steps - 1, b))
        m = peak(last)
        high, outer = spread(entry(last, m)), spread(dvalue[b] / complement(-rest(last, m)))
        j = index() * step()
        while j < n:
            now[j] = outer * exp(last[j] - high)
            j += size() * step()
        barrier()
        for t in range(steps - 1, 0, -1):
            now, before, share, arriving = at(de, (t, b)), at(de, (t - 1, b)), at(p, (t - 1, b)), at(s, (t, b))
            j = index() * step()
            while j < n:
                ratio[j] = now[j] / arriving[j]
                j += size() * step()
            barrier()
            if low[t, b] == 1:
                k = index()
                while k < n:
                    known = entry(arriving, k)
                    if how[0] == 1 or order(known) < order(constant(known, floor)):
                        put(ratio, k, zero(known))
                    k += size()
                barrier()
            j = index() * step()
            while j < n:
                total = zero(high)
                for k in range(n):
                    total = total + spread(entry(ratio, k)) * back[k, j]
                before[j] = share[j] * total
                j += size() * step()
            if counted:
                j = index() * step()
                while j < n:
                    for i in range(n):
                        pairs[i, j] = pairs[i, j] + spread(entry(share, i)) * ratio[j]
                    j += size() * step()
            barrier()
            if low[t, b] == 1:
                for k in range(n):
                    known = s[t, b, k]
                    if how[0] == 1 or order(known) < order(constant(known, floor)):
                        m = leading(q, A, t - 1, b, k)
                        top = q[t - 1, b, m] + A[m, k]
                        if not impossible(top):
                            part = de[t, b, k] / complement(-others_than(q, A, t - 1, b, k, m))
                            i = index()
                            while i < n:
                                gain = part * exp((q[t - 1, b, i] + A[i, k]) - top)
                                de[t - 1, b, i] = de[t - 1, b, i] + gain
                                if counted:
                                    dA[b, i, k] = dA[b, i, k] + gain
                                i += size()
                barrier()
        if counted:
            j = index()
            while j < n:
                for i in range(n):
                    dA[b, i, j] = dA[b, i, j] + E[i, j] * N[b, i, j]
                j += size()

    return row
