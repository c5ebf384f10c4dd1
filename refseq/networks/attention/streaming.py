"""Attention without the matrix of its weights: keys come in blocks, and the softmax goes along.

For every query m is a score seen so far (the largest one, where numbers have an order), l the sum of exp(s_n - m) and y
that of exp(s_n - m) v_n. A block with the pivot c of its scores and m' = max(c, m) changes them into

    l exp(m - m') + sum over the block of exp(s_n - m')      y exp(m - m') + sum over the block of exp(s_n - m') v_n

and at last y / l. Backward computes a block's weights again, exp(s_n - m) / l, and needs sum_n a_n da_n = dy . y.

M. Milakov, N. Gimelshein, Online normalizer calculation for softmax, arXiv:1805.02867; T. Dao et al., FlashAttention,
NeurIPS 2022, algorithms 1 and 4.
"""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.networks.attention import scores
from refseq.networks.attention.rows import root_of
from refseq.networks.attention.scores import visible
from refseq.networks.attention.tokens import moves
from refseq.primitives import exp, larger, zero
from refseq.team import Team


def build_forward(score: str, kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, q, k, v, u, sizes, seen, firsts, tools, y, totals, made, s, room) writes y, the caller's and dense
    (``made``), and m and l of every query."""
    kit, index, size, barrier = kit_of(dtype), team.index, team.size, team.barrier
    lanes_, pack, lines, score_lines, whole = kit.lanes, kit.pack, kit.lines, kit.score_lines, kit.whole
    spread, step, fold, pivot, entry = lanes_.spread, lanes_.step, lanes_.fold, lanes_.pivot, lanes_.entry
    score_forward, _ = scores.build(score, kit)
    add_seen, (_, scatter, wipe) = scores.seen_product(kit.add), moves(kit)

    @register_jitable
    def divide(row, x):
        for j in range(0, len(row), step()):
            row[j] = row[j] / x

    @register_jitable
    def renew(i, count, begin, s, totals, y):
        """Query i after the first ``count`` keys of a block."""
        row, ys = score_lines(s)[i, :count], whole(y)
        c = entry(row, pivot(row))
        m = c if begin == 0 else larger(c, totals[i, 0])
        if begin > 0:
            factor = exp(totals[i, 0] - m)
            totals[i, 1] = totals[i, 1] * factor
            for j in range(0, y.shape[1], step()):
                ys[i, j] = ys[i, j] * spread(factor)
        top = spread(m)
        total = zero(top)
        for j in range(0, count, step()):
            e = exp(row[j] - top)
            row[j] = e
            total = total + e
        totals[i, 0], totals[i, 1] = m, totals[i, 1] + fold(total)

    @register_jitable
    def row(b, q, k, v, u, sizes, seen, firsts, tools, y, totals, made, s, room):
        queries, keys, lane, lanes = sizes[b, 0], sizes[b, 1], index(), size()
        block, p, own = s.shape[2], s[b], made[b]
        wipe(own, queries, lane, lanes)
        i = lane
        while i < queries:
            totals[b, i, 1] = zero(totals[b, i, 1])
            i += lanes
        begin = 0
        while begin < keys:  # and no range: a runtime step makes numba-cuda divide 64-bit integers
            inside, ks, vs = min(block, keys - begin), k[b, begin : begin + block], v[b, begin : begin + block]
            wipe(p, queries, lane, lanes)
            barrier()
            score_forward(p, q[b], ks, u, queries, inside, room[b], tools, lane, lanes)
            barrier()
            i = lane
            while i < queries:
                count = visible(seen[b, i], begin, inside)
                if count:
                    if sizes[b, 2] > 0:
                        divide(lines(p)[i, :count], spread(root_of(p[i, 0], sizes[b, 2])))
                    renew(i, count, begin, p, totals[b], own)
                i += lanes
            barrier()
            pack(room[b], vs, inside)
            add_seen(own, p, vs, queries, inside, seen[b], begin, room[b], tools, lane, lanes)
            barrier()
            begin += block
        i = lane
        while i < queries:
            if seen[b, i]:
                divide(lines(own)[i, : own.shape[1]], spread(totals[b, i, 1]))
            i += lanes
        barrier()
        scatter(y, b, own, queries, firsts[b], lane, lanes)

    return row


def build_backward(score: str, kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, dy, q, k, v, u, sizes, seen, tools, totals, y, dq, dk, dv, du, s, ds, room) writes dq, and adds to dk, dv
    and du[b]; y and dy are dense."""
    kit, index, size, barrier = kit_of(dtype), team.index, team.size, team.barrier
    lanes_, pack_turned, lines, score_lines = kit.lanes, kit.pack_turned, kit.lines, kit.score_lines
    spread, step, fold = lanes_.spread, lanes_.step, lanes_.fold
    score_forward, score_backward = scores.build(score, kit)
    add_by_rows, add_turned, (_, _, wipe) = kit.add_by_rows, kit.add_turned, moves(kit)

    @register_jitable
    def divide(row, x):
        for j in range(0, len(row), step()):
            row[j] = row[j] / x

    @register_jitable
    def weigh(row, m, total):
        for j in range(0, len(row), step()):
            row[j] = exp(row[j] - m) / total

    @register_jitable
    def slopes(drow, row, dy, y):
        mean = dy[0] * y[0]
        for j in range(step(), len(y), step()):
            mean = mean + dy[j] * y[j]
        level = spread(fold(mean))
        for j in range(0, len(row), step()):
            drow[j] = row[j] * (drow[j] - level)

    @register_jitable
    def row(b, dy, q, k, v, u, sizes, seen, tools, totals, y, dq, dk, dv, du, s, ds, room):
        queries, keys, lane, lanes = sizes[b, 0], sizes[b, 1], index(), size()
        block, p, g, width = s.shape[2], s[b], ds[b], y.shape[2]
        wipe(dq[b], dq.shape[1], lane, lanes)
        begin = 0
        while begin < keys:  # and no range: a runtime step makes numba-cuda divide 64-bit integers
            end = begin + block
            inside, ks, vs = min(block, keys - begin), k[b, begin:end], v[b, begin:end]
            wipe(p, queries, lane, lanes)
            wipe(g, queries, lane, lanes)
            barrier()
            score_forward(p, q[b], ks, u, queries, inside, room[b], tools, lane, lanes)
            pack_turned(room[b], vs)
            add_by_rows(g, dy[b], vs, room[b], tools, 0, queries, lane, lanes)
            barrier()
            i = lane
            while i < queries:
                count = visible(seen[b, i], begin, inside)
                if count:
                    scores_, drow = score_lines(p)[i, :count], lines(g)[i, :count]
                    root = spread(root_of(p[i, 0], max(sizes[b, 2], 1)))
                    if sizes[b, 2] > 0:
                        divide(scores_, root)
                    weigh(scores_, spread(totals[b, i, 0]), spread(totals[b, i, 1]))
                    slopes(drow, lines(p)[i, :count], lines(dy[b])[i, :width], lines(y[b])[i, :width])
                    if sizes[b, 2] > 0:
                        divide(drow, root)
                for j in range(count, block):
                    p[i, j], g[i, j] = zero(p[i, j]), zero(g[i, j])
                i += lanes
            barrier()
            add_turned(dv[b, begin:end], p, dy[b], room[b], tools, 0, inside, queries, lane, lanes)
            score_backward(
                dq[b],
                dk[b, begin:end],
                du[b],
                g,
                q[b],
                ks,
                u,
                queries,
                inside,
                seen[b],
                begin,
                room[b],
                tools,
                lane,
                lanes,
            )
            barrier()
            begin += block

    return row
