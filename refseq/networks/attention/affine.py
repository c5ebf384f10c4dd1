"""y = W x for every token of a row, and its adjoints: of x row by row, of W by blocks of its rows, each a sum over all
tokens in their order. Arrays are dense (``refseq.networks.attention.tokens``), W (A, D) or (A, 1, D) is the
caller's."""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.networks.attention.tokens import moves
from refseq.primitives import zero
from refseq.team import Team

BLOCK = 32
"""Rows of W whose gradient is taken at a time."""


def build_packed(kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(n, W, turned, straight, padded): row 0 makes ready W's columns, for ``build_forward``, and row 1 its rows,
    for ``build_backward``, by way of a padded W."""
    kit, index, size, barrier = kit_of(dtype), team.index, team.size, team.barrier
    clear, take, pack, pack_turned = kit.clear, kit.take, kit.pack, kit.pack_turned

    @register_jitable
    def row(n, W, turned, straight, padded):
        own, lane, lanes = padded[n], index(), size()
        for a in range(W.shape[0]):
            take(own, a, W, a, 0, lane, lanes)
        for a in range(W.shape[0], own.shape[0]):
            clear(own, a, lane, lanes)
        barrier()
        if n == 0:
            pack_turned(turned[0], own)
        else:
            pack(straight[0], own, own.shape[0])

    return row


def build_forward(kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, x, W, turned, counts, tools, y): y[b, t] = W x[b, t] for t < counts[b], 0 beyond."""
    kit, index, size, barrier = kit_of(dtype), team.index, team.size, team.barrier
    add_by_rows = kit.add_by_rows
    _, _, wipe = moves(kit)

    @register_jitable
    def row(b, x, W, turned, counts, tools, y):
        lane, lanes = index(), size()
        wipe(y[b], y.shape[1], lane, lanes)
        barrier()
        add_by_rows(y[b], x[b], W, turned[0], tools, 0, counts[b], lane, lanes)

    return row


def build_backward(kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, dy, W, straight, counts, places, tools, dx, made): dx, the caller's, of the tokens that count is the
    transposed W times dy[b, t], and 0 for the others."""
    kit, index, size, barrier = kit_of(dtype), team.index, team.size, team.barrier
    add = kit.add
    _, scatter, wipe = moves(kit)

    @register_jitable
    def row(b, dy, W, straight, counts, places, tools, dx, made):
        own, depth, lane, lanes = made[b], dy.shape[2], index(), size()
        wipe(own, counts[b], lane, lanes)
        barrier()
        add(own, dy[b], W, straight[0], tools, 0, counts[b], depth, depth, lane, lanes)
        barrier()
        scatter(dx, b, own, counts[b], places[b], lane, lanes)

    return row


def build_panel(kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(n, x, packed) makes ready part n of dense x (N, width), for ``build_gradient``."""
    pack_panel = kit_of(dtype).pack_panel

    @register_jitable
    def row(n, x, packed):
        pack_panel(packed[0], x, n)

    return row


def build_gradient(block: int, kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(n, x, packed, dy, tools, dW, room) adds sum over all tokens of dy[t, a] x[t, :] to rows a of block n of dW,
    padded; x and dy (N, width), both 0 for tokens that do not count."""
    kit, index, size = kit_of(dtype), team.index, team.size
    add_turned_to = kit.add_turned_to

    @register_jitable
    def row(n, x, packed, dy, tools, dW, room):
        last = min((n + 1) * block, dW.shape[0])
        add_turned_to(dW, dy, x, packed[0], room[n], tools, n * block, last, index(), size())

    return row


def build_cut(kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(a, dW, out): row a of a padded matrix, out (A, 1, D)."""
    put, index, size = kit_of(dtype).put, team.index, team.size

    @register_jitable
    def row(a, dW, out):
        put(out, a, 0, dW, a, index(), size())

    return row


def build_total(team: Team) -> Callable:
    """row(a, parts, out): out[0, 0, a] is the sum over the rows of a batch of parts[b, 0, a], the last one first."""
    index = team.index

    @register_jitable
    def row(a, parts, out):
        if index() == 0:
            total = zero(out[0, 0, a])
            for n in range(parts.shape[0]):
                total = total + parts[parts.shape[0] - 1 - n, 0, a]
            out[0, 0, a] = total

    return row
