"""y = W x for every token of a row, and its adjoints: of x row by row, of W by blocks of its rows, each a sum over all
tokens in their order. Arrays are dense (``refseq.networks.attention.scene``), W (A, D) padded like them."""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.team import Team

BLOCK = 32
"""Rows of W whose gradient is taken at a time."""


def build_forward(kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, x, W, counts, tools, y, room) adds W x[b, t] to y[b, t] for t < counts[b]."""
    kit, index, size = kit_of(dtype), team.index, team.size
    pack_turned, add_by_rows = kit.pack_turned, kit.add_by_rows

    @register_jitable
    def row(b, x, W, counts, tools, y, room):
        pack_turned(room[b], W)
        add_by_rows(y[b], x[b], W, room[b], tools, 0, counts[b], index(), size())

    return row


def build_backward(kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, dy, W, counts, tools, dx, room) adds the transposed W times dy[b, t] to dx[b, t] for t < counts[b]."""
    kit, index, size = kit_of(dtype), team.index, team.size
    pack, add = kit.pack, kit.add

    @register_jitable
    def row(b, dy, W, counts, tools, dx, room):
        pack(room[b], W, W.shape[0])
        add(dx[b], dy[b], W, room[b], tools, 0, counts[b], W.shape[0], W.shape[0], index(), size())

    return row


def build_gradient(block: int, kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(n, x, dy, tools, dW, room) adds sum over all tokens of dy[t, a] x[t, :] to rows a of block n of dW; x and dy
    (N, width), both 0 for tokens that do not count."""
    kit, index, size = kit_of(dtype), team.index, team.size
    add_turned = kit.add_turned

    @register_jitable
    def row(n, x, dy, tools, dW, room):
        last = min((n + 1) * block, dW.shape[0])
        add_turned(dW, dy, x, room[n], tools, n * block, last, x.shape[0], index(), size())

    return row
