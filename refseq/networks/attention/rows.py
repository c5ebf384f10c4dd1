"""Attention of one row of a batch: scores, softmax over the keys that a query sees, and the weighted sum of the values.

    a[i, :] = softmax over n < seen[i] of s(q_i, k_n) / root        y_i = sum_n a[i, n] v_n

``root`` is sqrt(D) for scaled scores, whose D is sizes[b, 2], else 1, and this is 0. A query that sees no key has
weights and output 0. What a query does not see is multiplied with nothing on its way to y_i and dq_i, so that NaN there
stays there.

sizes[b]: queries, keys, and that D. Arrays are dense, (R, T, width), with rows and columns of zeros at the end
(``refseq.networks.attention.scene``).
"""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.networks.attention import scores, softmax_rows
from refseq.primitives import constant, sqrt, zero
from refseq.team import Team


@register_jitable
def root_of(x, size):
    """sqrt(size) in the number field of x."""
    return sqrt(constant(x, int(size)))


def build_forward(score: str, kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, q, k, v, u, sizes, seen, tools, weights, y, room) adds to y and weights, which are 0 before."""
    kit, index, size, barrier = kit_of(dtype), team.index, team.size, team.barrier
    score_forward, _ = scores.build(score, kit)
    softmax, _ = softmax_rows.build(kit.lanes)
    score_lines, spread, step, pack = kit.score_lines, kit.lanes.spread, kit.lanes.step, kit.pack
    add_seen = scores.seen_product(kit.add)

    @register_jitable
    def row(b, q, k, v, u, sizes, seen, tools, weights, y, room):
        queries, keys, lane, lanes = sizes[b, 0], sizes[b, 1], index(), size()
        s = weights[b]
        score_forward(s, q[b], k[b], u, queries, keys, room[b], tools, lane, lanes)
        barrier()
        i = lane
        while i < queries:
            count = seen[b, i]
            if count:
                line = score_lines(s)[i, :count]
                if sizes[b, 2] > 0:
                    root = spread(root_of(s[i, 0], sizes[b, 2]))
                    for j in range(0, count, step()):
                        line[j] = line[j] / root
                softmax(line)
            for j in range(count, s.shape[1]):
                s[i, j] = zero(s[i, j])
            i += lanes
        barrier()
        pack(room[b], v[b], keys)
        add_seen(y[b], s, v[b], queries, keys, seen[b], 0, room[b], tools, lane, lanes)

    return row


def build_backward(score: str, kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, q, k, v, u, sizes, seen, tools, weights, dy, dq, dk, dv, du, ds, room) adds to dq, dk, dv and du[b], which
    are 0 before; ds: the cotangents of the weights before, those of the scores after."""
    kit, index, size, barrier = kit_of(dtype), team.index, team.size, team.barrier
    _, score_backward = scores.build(score, kit)
    _, softmax_backward = softmax_rows.build(kit.lanes)
    lines, spread, step, pack_turned = kit.lines, kit.lanes.spread, kit.lanes.step, kit.pack_turned
    add_by_rows, add_turned = kit.add_by_rows, kit.add_turned

    @register_jitable
    def row(b, q, k, v, u, sizes, seen, tools, weights, dy, dq, dk, dv, du, ds, room):
        queries, keys, lane, lanes = sizes[b, 0], sizes[b, 1], index(), size()
        add_turned(dv[b], weights[b], dy[b], room[b], tools, 0, keys, queries, lane, lanes)
        pack_turned(room[b], v[b])
        add_by_rows(ds[b], dy[b], v[b], room[b], tools, 0, queries, lane, lanes)
        barrier()
        g = ds[b]
        i = lane
        while i < queries:
            count = seen[b, i]
            if count:
                dline = lines(g)[i, :count]
                softmax_backward(dline, lines(weights[b])[i, :count])
                if sizes[b, 2] > 0:
                    root = spread(root_of(g[i, 0], sizes[b, 2]))
                    for j in range(0, count, step()):
                        dline[j] = dline[j] / root
            for j in range(count, g.shape[1]):
                g[i, j] = zero(g[i, j])
            i += lanes
        barrier()
        score_backward(dq[b], dk[b], du[b], g, q[b], k[b], u, queries, keys, seen[b], 0, room[b], tools, lane, lanes)

    return row
