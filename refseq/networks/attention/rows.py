"""Attention of one row of a batch: scores, softmax over the keys that a query sees, and the weighted sum of the values.

    a[i, :] = softmax over n < seen[i] of s(q_i, k_n) / root        y_i = sum_n a[i, n] v_n

``root`` is sqrt(D) for scaled scores, whose D is sizes[b, 2], else 1, and this is 0. A query that sees no key has
weights and output 0. What a query does not see is multiplied with nothing on its way to y_i and dq_i, so that NaN there
stays there.

sizes[b]: queries, keys, that D, and 1 if the keys that count are the first ones. Arrays are dense, (R, T, width), with
columns of zeros at the end (``refseq.networks.attention.tokens``); but y (Tq, R, V), weights (Tq, R, Tk) and their
cotangents are the caller's.
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.networks.attention import scores, softmax_rows
from refseq.networks.attention.kit import Kit
from refseq.networks.attention.tokens import moves
from refseq.primitives import constant, sqrt, zero
from refseq.team import Team


@register_jitable
def root_of(x, size):
    """sqrt(size) in the number field of x."""
    return sqrt(constant(x, int(size)))


def build_forward(score: str, kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, q, k, v, u, sizes, seen, places, firsts, tools, y, weights, s, room, made): s, which are the weights too,
    dense, and ``made``, y, are written."""
    kit, index, size, barrier = kit_of(dtype), team.index, team.size, team.barrier
    score_forward, _ = scores.build(score, kit)
    softmax, _ = softmax_rows.build(kit.lanes)
    score_lines, spread, step, pack = kit.score_lines, kit.lanes.spread, kit.lanes.step, kit.pack
    add_seen, (_, scatter, wipe) = scores.seen_product(kit.add), moves(kit)
    show, _ = weights_of(kit)

    @register_jitable
    def row(b, q, k, v, u, sizes, seen, places, firsts, tools, y, weights, s, room, made):
        queries, keys, lane, lanes = sizes[b, 0], sizes[b, 1], index(), size()
        p, own = s[b], made[b]
        wipe(p, queries, lane, lanes)
        wipe(own, queries, lane, lanes)
        barrier()
        score_forward(p, q[b], k[b], u, queries, keys, room[b], tools, lane, lanes)
        barrier()
        i = lane
        while i < queries:
            count = seen[b, i]
            if count:
                line = score_lines(p)[i, :count]
                if sizes[b, 2] > 0:
                    root = spread(root_of(p[i, 0], sizes[b, 2]))
                    for j in range(0, count, step()):
                        line[j] = line[j] / root
                softmax(line)
            for j in range(count, p.shape[1]):
                p[i, j] = zero(p[i, j])
            i += lanes
        barrier()
        pack(room[b], v[b], keys)
        add_seen(own, p, v[b], queries, keys, seen[b], 0, room[b], tools, lane, lanes)
        barrier()
        scatter(y, b, own, queries, firsts[b], lane, lanes)
        show(weights, b, p, queries, keys, places[b], sizes[b, 3], lane, lanes)

    return row


def build_backward(score: str, weighed: bool, kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, dy, dweights, q, k, v, u, sizes, seen, places, tools, weights, dq, dk, dv, du, ds, room) writes dq, and
    adds to dk, dv and du[b]; ds becomes the cotangents of the scores. Without ``weighed`` dweights, all 0, are not
    read."""
    kit, index, size, barrier = kit_of(dtype), team.index, team.size, team.barrier
    _, score_backward = scores.build(score, kit)
    _, softmax_backward = softmax_rows.build(kit.lanes)
    lines, spread, step, pack_turned = kit.lines, kit.lanes.spread, kit.lanes.step, kit.pack_turned
    add_by_rows, add_turned, (_, _, wipe) = kit.add_by_rows, kit.add_turned, moves(kit)
    _, see = weights_of(kit)

    @register_jitable
    def row(b, dy, dweights, q, k, v, u, sizes, seen, places, tools, weights, dq, dk, dv, du, ds, room):
        queries, keys, lane, lanes = sizes[b, 0], sizes[b, 1], index(), size()
        g = ds[b]
        if weighed:
            see(g, dweights, b, queries, keys, places[b], sizes[b, 3], lane, lanes)
        else:
            wipe(g, queries, lane, lanes)
        wipe(dq[b], dq.shape[1], lane, lanes)
        barrier()
        add_turned(dv[b], weights[b], dy[b], room[b], tools, 0, keys, queries, lane, lanes)
        pack_turned(room[b], v[b])
        add_by_rows(g, dy[b], v[b], room[b], tools, 0, queries, lane, lanes)
        barrier()
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


@cache
def weights_of(kit: Kit) -> tuple[Callable, Callable]:
    """show(weights, b, dense, ...) writes the caller's weights (Tq, R, Tk), 0 for what does not count; see(dense,
    dweights, b, ...) reads their cotangents."""
    clear, take, put, blank = kit.clear, kit.take, kit.put, kit.blank

    @register_jitable
    def show(weights, b, dense, queries, keys, places, straight, lane, lanes):
        for i in range(queries):
            if straight:
                put(weights, i, b, dense, i, lane, lanes)
            else:
                n = lane
                while n < weights.shape[2]:
                    weights[i, b, places[n]] = dense[i, n] if n < keys else zero(dense[i, n])
                    n += lanes
        for i in range(queries, weights.shape[0]):
            blank(weights, i, b, lane, lanes)

    @register_jitable
    def see(dense, dweights, b, queries, keys, places, straight, lane, lanes):
        for i in range(queries):
            if straight:
                take(dense, i, dweights, i, b, lane, lanes)
            else:
                clear(dense, i, lane, lanes)
                n = lane
                while n < keys:
                    dense[i, n] = dweights[i, b, places[n]]
                    n += lanes

    return show, see
