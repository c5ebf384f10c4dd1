"""The way through a forest from the leaves to the roots, and its adjoint back, for any cell of a tree.

Arrays of a forest of N nodes with E edges (the rest as in ``refseq.step``; O old states of all children):

    x, dx (N, 1, K)   s (N, S, H) states   old (N, O, H) what a node sees of its children, 0 on entry of forward
    tape (N, ., H)    da (N, A, H)
    ds (N, S, H)   cotangents of the states: of the outputs on entry, with those from above when a node's turn comes

    F = (order, offsets, children, positions) of ``refseq.trees.Forest``
    W = (M, b, p, m)  the node's weights        V = (Me, be, pe, me)  those of the edge cell, or ()
    L  arrays of the edges, or (): what a parent sees (E, S, H), tape (E, ., H), then in forward a, in backward da
       (E, Ae, H), ds, d0, dv

Scratch has one row for each lane, a thread: a, d0, dv, also those of L, and its ds.

Four functions come out of ``build_tree_scan``. The first two work on the nodes order[first:last], children before
parents; nodes of one level are independent, so that a target may give pieces of a level to lanes without changing a bit
of the result. The others work on the rows of the weights' gradients, which are independent as well:

    forward(lane, first, last, ...)     states and tapes
    backward(lane, first, last, ...)    da, dx, and ds of the children
    gradient(low, high, first, last, ...)        rows low <= k < high of the gradients of the node's weights, counted
                                                 as in ``refseq.scan``; adds those of order[first:last], the last first
    edge_gradient(low, high, first, last, ...)   likewise of the edge cell's
"""

from collections.abc import Callable
from dataclasses import dataclass

from numba.extending import register_jitable

from refseq.cell import Cell
from refseq.linear import add, copy
from refseq.scan import weight_gradients
from refseq.step import build_step
from refseq.team import Team
from refseq.tree_cell import TreeCell


@dataclass(frozen=True)
class TreeScan:
    """The loops of a tree as plain functions that numba can compile; ``edge_gradient`` None without an edge cell."""

    forward: Callable
    backward: Callable
    gradient: Callable
    edge_gradient: Callable | None


def build_tree_scan(cell: TreeCell, team: Team) -> TreeScan:
    """The loops of a cell of a tree, for a team of threads."""
    step = build_step(cell, team, chained=False)
    step_forward, step_backward = step.forward, step.backward
    collect, spread = by_position(cell, team) if cell.edge is None else by_sum(cell.edge, team)
    outer, sums, _ = weight_gradients(cell, team)

    @register_jitable
    def forward(lane, first, last, F, W, V, x, s, old, tape, a, L):
        for i in range(first, last):
            n = F[0][i]
            collect(n, lane, F, V, x, s, old, L)
            step_forward(W[0], W[1], W[2], W[3], x[n], old[n], s[n], tape[n], a[lane])

    @register_jitable
    def backward(lane, first, last, F, W, V, s, old, tape, ds, d0, dv, da, dx, dp, L):
        for back in range(last - first):
            n = F[0][last - 1 - back]
            step_backward(W[0], W[2], W[3], old[n], s[n], tape[n], ds[n], d0[lane], dv[lane], da[n], dx[n], dp)
            spread(n, lane, F, V, s, d0, ds, dx, dp, L)

    @register_jitable
    def gradient(low, high, first, last, F, x, s, old, tape, da, dM, db):
        for back in range(last - first):
            n = F[0][last - 1 - back]
            outer(low, high, x[n], old[n], s[n], tape[n], da[n], dM)
            sums(low, high, da[n], dM, db)

    return TreeScan(forward, backward, gradient, None if cell.edge is None else _edge_gradient(cell.edge, team))


def by_position(cell: TreeCell, team: Team) -> tuple[Callable, Callable]:
    """A node sees the states of its children side by side, and 0 where one is missing; and the adjoint."""
    index, size, barrier, states = team.index, team.size, team.barrier, len(cell.state)

    @register_jitable
    def collect(n, lane, F, V, x, s, old, L):
        for e in range(F[1][n], F[1][n + 1]):
            for i in range(states):
                copy(old[n, F[3][e] * states + i], s[F[2][e], i], old.shape[2], index(), size())
        barrier()

    @register_jitable
    def spread(n, lane, F, V, s, d0, ds, dx, dp, L):
        for e in range(F[1][n], F[1][n + 1]):
            for i in range(states):
                add(ds[F[2][e], i], d0[lane, F[3][e] * states + i], ds.shape[2], index(), size())
        barrier()

    return collect, spread


def by_sum(edge: Cell, team: Team) -> tuple[Callable, Callable]:
    """A node sees the sum of what the edge cell makes of its children, in their order; and the adjoint."""
    index, size, barrier, states = team.index, team.size, team.barrier, len(edge.state)
    step = build_step(edge, team, chained=False)
    step_forward, step_backward = step.forward, step.backward

    @register_jitable
    def collect(n, lane, F, V, x, s, old, L):
        for e in range(F[1][n], F[1][n + 1]):
            step_forward(V[0], V[1], V[2], V[3], x[n], s[F[2][e]], L[0][e], L[1][e], L[2][lane])
            for i in range(states):
                add(old[n, i], L[0][e, i], old.shape[2], index(), size())
        barrier()

    @register_jitable
    def spread(n, lane, F, V, s, d0, ds, dx, dp, L):
        for e in range(F[1][n], F[1][n + 1]):
            child, mine = F[2][e], L[3][lane]
            for i in range(states):
                copy(mine[i], d0[lane, i], ds.shape[2], index(), size())
            barrier()
            step_backward(
                V[0], V[2], V[3], s[child], L[0][e], L[1][e], mine, L[4][lane], L[5][lane], L[2][e], dx[n], dp
            )
            for i in range(states):
                add(ds[child, i], L[4][lane, i], ds.shape[2], index(), size())
            barrier()

    return collect, spread


def _edge_gradient(edge: Cell, team: Team) -> Callable:
    outer, sums, _ = weight_gradients(edge, team)

    @register_jitable
    def gradient(low, high, first, last, F, x, s, L, dM, db):
        for back in range(last - first):
            n = F[0][last - 1 - back]
            for e in range(F[1][n], F[1][n + 1]):
                outer(low, high, x[n], s[F[2][e]], L[0][e], L[1][e], L[2][e], dM)
                sums(low, high, L[2][e], dM, db)

    return gradient
