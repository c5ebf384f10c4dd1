"""The best path through the states of a chain, for one sequence (A. J. Viterbi, 1967).

    d_0 = a + e_0        d_t[j] = max_i (d_(t-1)[i] + A[i, j]) + e_t[j]

Of equal scores the lowest state wins, at every step and at the end. a (1, S), A (S, S), e (T, B, S), lengths (B,);
value (B,); path, origin (T, B), (T, B, S) of integers; d (2, B, S) is scratch.
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.primitives import order
from refseq.softmax import pivot
from refseq.team import Team


@cache
def build(team: Team) -> Callable:
    """row(b, a, A, e, lengths, value, path, origin, d) for sequence b."""
    index, size, barrier = team.index, team.size, team.barrier

    @register_jitable
    def row(b, a, A, e, lengths, value, path, origin, d):
        steps, n = lengths[b], A.shape[0]
        if steps == 0:
            return
        j = index()
        while j < n:
            d[0, b, j] = a[0, j] + e[0, b, j]
            j += size()
        barrier()
        for t in range(1, steps):
            old, new = (t + 1) % 2, t % 2
            j = index()
            while j < n:
                m, best = 0, d[old, b, 0] + A[0, j]
                for i in range(1, n):
                    found = d[old, b, i] + A[i, j]
                    if order(found) > order(best):
                        m, best = i, found
                d[new, b, j] = best + e[t, b, j]
                origin[t, b, j] = m
                j += size()
            barrier()
        if index() == 0:
            last = d[(steps + 1) % 2, b]
            m = pivot(last)
            value[b] = last[m]
            for t in range(steps - 1, -1, -1):
                path[t, b] = m
                if t > 0:
                    m = origin[t, b, m]

    return row
