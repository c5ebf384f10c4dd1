"""Scores of queries and keys, each with its adjoint beside it, for any kit.

    product     s[i, n] = q_i . k_n
    additive    s[i, n] = u . tanh(q_i + k_n)

Query i sees the keys before ``seen[i] - offset``; ds is 0 for the others.
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.networks.attention.kit import Kit
from refseq.primitives import tanh, tanh_slope

PRODUCT, ADDITIVE = "product", "additive"


@cache
def build(score: str, kit: Kit) -> tuple[Callable, Callable]:
    """
    forward(s, q, k, u, queries, keys, room, tools, lane, lanes) adds the scores to s
    backward(dq, dk, du, ds, q, k, u, queries, keys, seen, offset, room, tools, lane, lanes) adds the gradients
    """
    return _additive(kit) if score == ADDITIVE else _product(kit)


@register_jitable
def visible(seen, offset, keys):
    """How many of the keys from ``offset`` on a query sees."""
    return min(max(seen - offset, 0), keys)


def _product(kit: Kit) -> tuple[Callable, Callable]:
    pack, add, pack_turned = kit.pack, kit.add, kit.pack_turned
    add_by_rows, add_turned = kit.add_by_rows, kit.add_turned

    @register_jitable
    def forward(s, q, k, u, queries, keys, room, tools, lane, lanes):
        pack_turned(room, k)
        add_by_rows(s, q, k, room, tools, 0, queries, lane, lanes)

    @register_jitable
    def backward(dq, dk, du, ds, q, k, u, queries, keys, seen, offset, room, tools, lane, lanes):
        pack(room, k, keys)
        add_seen(dq, ds, k, queries, keys, seen, offset, room, tools, lane, lanes)
        add_turned(dk, ds, q, room, tools, 0, keys, queries, lane, lanes)

    add_seen = seen_product(add)
    return forward, backward


@cache
def seen_product(add: Callable) -> Callable:
    """C[i, :] += sum over the keys n that query i sees of A[i, n] B[n, :], where the rows of B are packed."""

    @register_jitable
    def add_seen(C, A, B, queries, keys, seen, offset, room, tools, lane, lanes):
        i = 0
        while i < queries:
            depth, j = visible(seen[i], offset, keys), i + 1
            while j < queries and visible(seen[j], offset, keys) == depth:
                j += 1
            add(C, A, B, room, tools, i, j, depth, keys, lane, lanes)
            i = j

    return add_seen


def _additive(kit: Kit) -> tuple[Callable, Callable]:
    step, spread, fold, whole = kit.lanes.step, kit.lanes.spread, kit.lanes.fold, kit.whole

    @register_jitable
    def forward(s, q, k, u, queries, keys, room, tools, lane, lanes):
        qs, ks, us = whole(q), whole(k), whole(u)
        for i in range(queries):
            n = lane
            while n < keys:
                total = us[0, 0] * tanh(qs[i, 0] + ks[n, 0])
                for a in range(step(), q.shape[1], step()):
                    total = total + us[0, a] * tanh(qs[i, a] + ks[n, a])
                s[i, n] = s[i, n] + fold(total)
                n += lanes

    @register_jitable
    def backward(dq, dk, du, ds, q, k, u, queries, keys, seen, offset, room, tools, lane, lanes):
        qs, ks, us, dqs, dks, dus = whole(q), whole(k), whole(u), whole(dq), whole(dk), whole(du)
        a = lane * step()
        while a < q.shape[1]:
            weight = us[0, a]
            dweight = dus[0, a]
            for i in range(queries):
                x, dx = qs[i, a], dqs[i, a]
                for n in range(visible(seen[i], offset, keys)):
                    g, t = spread(ds[i, n]), tanh(x + ks[n, a])
                    e = g * weight * tanh_slope(t)
                    dx = dx + e
                    dks[n, a] = dks[n, a] + e
                    dweight = dweight + g * t
                dqs[i, a] = dx
            dus[0, a] = dweight
            a += lanes * step()

    return forward, backward
