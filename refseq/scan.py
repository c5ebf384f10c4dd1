"""The one time loop and its adjoint, for any cell, any number field and any target.

Arrays of one layer in one direction (T steps, B rows; the rest as in ``refseq.step``), all time-major:

    x, dx (T, B, K)   y, dy (T, B, H)   s (T+1, B, S, H)   tape (T, B, N, H)   da (T, B, A, H)   lengths (B,)

Row b runs for lengths[b] steps. Step number t reads x at time t, or at lengths[b] - 1 - t in the reverse direction, and
goes from s[t] to s[t+1]; s[lengths[b]] is the row's final state. What lies beyond a row's length is neither read nor
written. Three functions come out of ``build_scan``, each for a range of independent pieces, so that a target may give
the pieces to threads or blocks without changing a bit of the result:

    forward_row(b, ...)     the states, tape and outputs of row b
    backward_row(b, ...)    BPTT through row b: da, dx, dp, and ds, the cotangent of its initial state
    gradient_row(k, ...)    row k of the gradients of W, U (k counts on from W's rows) and, last, of b
"""

from collections.abc import Callable
from dataclasses import dataclass

from numba.extending import register_jitable

from refseq.cell import Cell
from refseq.linear import add_outer_row, add_rows
from refseq.step import Team, build_step


@dataclass(frozen=True)
class Scan:
    """The time loop of a cell as plain functions that numba can compile."""

    forward_row: Callable
    backward_row: Callable
    gradient_row: Callable


@register_jitable
def time_index(t, length, reverse):
    """The time at which a row of this length takes its step number t."""
    return length - 1 - t if reverse else t


def build_scan(cell: Cell, team: Team) -> Scan:
    """The time loop of a cell, for a team of threads."""
    step = build_step(cell, team)
    step_forward, step_backward = step.forward, step.backward
    index, size, barrier = team.index, team.size, team.barrier
    gates, direct, slots, plain = len(cell.gates), cell.direct, cell.slots, tuple(range(len(cell.gates)))
    modulated = bool(cell.modulated)

    @register_jitable
    def forward_row(b, W, U, bias, p, x, lengths, reverse, s, tape, y, a):
        for t in range(lengths[b]):
            i = time_index(t, lengths[b], reverse)
            step_forward(W, U, bias, p, x[i, b], s[t, b], s[t + 1, b], tape[t, b], a[b])
            j = index()
            while j < y.shape[2]:
                y[i, b, j] = s[t + 1, b, 0, j]
                j += size()

    @register_jitable
    def backward_row(b, W, U, p, lengths, reverse, s, tape, dy, ds, da, dx, dp, dv):
        for back in range(lengths[b]):
            t = lengths[b] - 1 - back
            i = time_index(t, lengths[b], reverse)
            j = index()
            while j < dy.shape[2]:
                ds[b, 0, j] = ds[b, 0, j] + dy[i, b, j]
                j += size()
            step_backward(W, U, p, s[t, b], s[t + 1, b], tape[t, b], ds[b], da[t, b], dx[i, b], dp[b], dv[b])

    @register_jitable
    def gradient_row(k, x, lengths, reverse, s, tape, da, dW, dU, db):
        lane, lanes = index(), size()
        inputs, units = dW.shape[0], dU.shape[0]
        for b in range(lengths.shape[0]):
            for t in range(lengths[b]):
                if k < inputs:
                    i = time_index(t, lengths[b], reverse)
                    add_outer_row(dW[k], x[i, b, k], da[t, b], 0, gates, plain, lane, lanes)
                elif k < inputs + units:
                    h = k - inputs
                    add_outer_row(dU[h], s[t, b, 0, h], da[t, b], 0, direct, slots, lane, lanes)
                    if modulated:
                        add_outer_row(dU[h], tape[t, b, 0, h], da[t, b], direct, gates, slots, lane, lanes)
                else:
                    add_rows(db, da[t, b], lane, lanes)
        barrier()

    return Scan(forward_row, backward_row, gradient_row)
