"""The selection step of beam search, for one batch row: the W best of all continuations, in a fixed order.

A slot is empty, active, or finished. An active slot offers V candidates, itself with one more symbol; a finished one
offers itself, as it is. A candidate has the log-probability P and the score P weight[L], L its length. Candidates whose
score is -inf or NaN are never chosen. Of equal scores the lower slot wins, then the lower symbol.

P, length, status (B, W), log p (B, W, V), weight (L + 1,), stop (1,), the symbol that finishes, -1 for none, bounds
(C + 1,) of C chunks of the W V candidates, which the threads of a block share out. Results: P, length, status, parent,
symbol (B, W); the symbol is -1 for what was finished, or is empty. Scratch: best, origin (B, C, W), used (B, C), the
best of each chunk; top (B, W). There is no division: on a device it would be slow.
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.softmax import impossible
from refseq.team import Team

EMPTY, ACTIVE, FINISHED = range(3)
BLOCK = 64
"""Candidates that are looked at together: whether there is a better one among them."""


@register_jitable
def insert(best, origin, used, score, place):
    """Enter a candidate into the first ``used`` entries of a list in descending order; how many there are then."""
    room = best.shape[0]
    k = used if used < room else room - 1
    while k > 0 and score > best[k - 1]:
        best[k], origin[k] = best[k - 1], origin[k - 1]
        k -= 1
    best[k], origin[k] = score, place
    return used + 1 if used < room else used


@register_jitable
def enters(best, used, score):
    """Whether a candidate belongs into the list."""
    if used == best.shape[0]:
        return score > best[used - 1]
    return not impossible(score) and score == score  # noqa: PLR0124 - a NaN is not


@cache
def build(team: Team) -> Callable:
    """row(b, *inputs, *results, *scratch), in this order."""
    index, size, barrier = team.index, team.size, team.barrier

    @register_jitable
    def candidates(base, logp, weight, first, last, place, best, origin, used):
        """Those of one active slot, symbols first ... last - 1."""
        v = first
        while v < last:
            end = min(v + BLOCK, last)
            better = used < best.shape[0]
            if not better:
                least, found = best[used - 1], 0
                for u in range(v, end):
                    found += (base + logp[u]) * weight > least
                better = found > 0
            if better:
                for u in range(v, end):
                    score = (base + logp[u]) * weight
                    if enters(best, used, score):
                        used = insert(best, origin, used, score, place + u)
            v = end
        return used

    @register_jitable
    def row(
        b, P, length, status, logp, weight, stop, bounds,
        P_new, length_new, status_new, parent, symbol, best, origin, used, top,
    ):  # fmt: skip
        chunks, width, symbols = best.shape[1], P.shape[1], logp.shape[2]
        c = index()
        while c < chunks:
            count = 0
            for w in range(width):
                first, last = max(bounds[c] - w * symbols, 0), min(bounds[c + 1] - w * symbols, symbols)
                if first >= last:
                    continue
                if status[b, w] == FINISHED and first == 0:
                    score = P[b, w] * weight[length[b, w]]
                    if enters(best[b, c], count, score):
                        count = insert(best[b, c], origin[b, c], count, score, w * symbols)
                elif status[b, w] == ACTIVE:
                    scale, place = weight[length[b, w] + 1], w * symbols
                    count = candidates(P[b, w], logp[b, w], scale, first, last, place, best[b, c], origin[b, c], count)
            used[b, c] = count
            c += size()
        barrier()
        if index() == 0:
            count = 0
            for c in range(chunks):
                for k in range(used[b, c]):
                    if enters(top[b], count, best[b, c, k]):
                        count = insert(top[b], parent[b], count, best[b, c, k], origin[b, c, k])
            for k in range(width):
                symbol[b, k], status_new[b, k] = -1, EMPTY
                if k >= count:
                    parent[b, k] = k
                    continue
                w, v = 0, parent[b, k]
                while v >= symbols:
                    w, v = w + 1, v - symbols
                parent[b, k], P_new[b, k], length_new[b, k] = w, P[b, w], length[b, w]
                if status[b, w] == FINISHED:
                    status_new[b, k] = FINISHED
                else:
                    P_new[b, k] = P[b, w] + logp[b, w, v]
                    length_new[b, k] = length[b, w] + 1
                    symbol[b, k] = v
                    status_new[b, k] = FINISHED if v == stop[0] else ACTIVE

    return row
