"""The one time loop and its adjoint, for any cell, any number field and any target.

Arrays of one layer in one direction (T steps, B rows; the rest as in ``refseq.step``), all time-major:

    x, dx (T, B, 1, K)   y, dy (T, B, H)   m (T, B, Q, H)   s (n+1, B, S, H)   tape (n, B, N, H)   da (n, B, A, H)

Row b runs for lengths[b] steps. Step number t reads x at time t, or at lengths[b] - 1 - t in the reverse direction, and
goes from s[t] to s[t+1]; s[lengths[b]] is the row's final state. What lies beyond a row's length is neither read nor
written. A call works on the n = stop - start steps start <= t < stop (all of them, or a piece between checkpoints), and
s, tape and da hold those steps alone: step t is in row t - start.

Three functions come out of ``build_scan``, each for a range of independent pieces, so that a target may give the pieces
to threads or blocks without changing a bit of the result:

    forward_row(b, ...)     the states, tape and outputs of row b
    backward_row(b, ...)    BPTT through row b: da, dx, dp, and ds, the cotangent of its state before step ``start``
    gradient_row(k, ...)    row k of the gradients of the matrices, one after another, then of each bias as a whole;
                            pieces(dM) says how many there are

Gradients of matrices and biases are summed from the last step to the first, so that pieces of time, taken in this
order, sum to the same bits as the whole.

a is scratch, one row for each row of the batch, (B, A, H); or, with the products of x taken ``ahead``, the n steps' own
pre-activations (n B, A, H).
"""

from collections.abc import Callable
from dataclasses import dataclass

from numba.extending import register_jitable

from refseq.cell import Bias, Cell
from refseq.linear import add, add_outer_rows
from refseq.operand import array_of
from refseq.stage import Product
from refseq.step import build_step
from refseq.team import Team, chain


@dataclass(frozen=True)
class Scan:
    """The time loop of a cell as plain functions that numba can compile."""

    forward_row: Callable
    backward_row: Callable
    gradient_row: Callable
    pieces: Callable


@register_jitable
def time_index(t, length, reverse):
    """The time at which a row of this length takes its step number t."""
    return length - 1 - t if reverse else t


def build_scan(cell: Cell, team: Team, ahead: bool = False) -> Scan:
    """The time loop of a cell, for a team of threads; ``ahead`` as in ``refseq.step.build_step``."""
    step = build_step(cell, team, ahead=ahead)
    step_forward, step_backward = step.forward, step.backward
    index, size, barrier = team.index, team.size, team.barrier
    outer, sums, pieces = weight_gradients(cell, team)

    @register_jitable
    def forward_row(b, start, stop, M, bias, p, m, x, lengths, reverse, s, tape, y, a):
        for t in range(start, min(stop, lengths[b])):
            i, n = time_index(t, lengths[b], reverse), t - start
            row = b + n * lengths.shape[0] if ahead else b
            step_forward(M, bias, p, m[i, b], x[i, b], s[n, b], s[n + 1, b], tape[n, b], a[row])
            j = index()
            while j < y.shape[2]:
                y[i, b, j] = s[n + 1, b, 0, j]
                j += size()

    @register_jitable
    def backward_row(b, start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, d0, dv, da, dx, dp):
        end = min(stop, lengths[b])
        for back in range(end - start):
            n = end - 1 - back - start
            i = time_index(n + start, lengths[b], reverse)
            add(ds[b, 0], dy[i, b], dy.shape[2], index(), size())
            barrier()
            step_backward(
                M, p, m[i, b], s[n, b], s[n + 1, b], tape[n, b], ds[b], d0[b], dv[b], da[n, b], dx[i, b], dp[b]
            )

    @register_jitable
    def gradient_row(k, start, stop, x, lengths, reverse, s, tape, da, dM, db):
        for back in range(stop - start):
            n = stop - start - 1 - back
            for b in range(lengths.shape[0]):
                if n + start < lengths[b]:
                    i = time_index(n + start, lengths[b], reverse)
                    outer(k, k + 1, x[i, b], s[n, b], s[n + 1, b], tape[n, b], da[n, b], dM)
                    sums(k, k + 1, da[n, b], dM, db)
        barrier()

    return Scan(forward_row, backward_row, gradient_row, pieces)


def weight_gradients(cell: Cell, team: Team) -> tuple[Callable, Callable, Callable]:
    """One step's part of the pieces low <= k < high: outer(low, high, x, s0, s1, tape, da, dM) of the matrices and
    sums(low, high, da, dM, db) of the biases; and pieces(dM), how many there are."""
    products = [product for stage in cell.stages for product in stage.products if product.matrix is not None]
    outer = chain("low, high, x, s0, s1, tape, da, dM", [_outer(cell, product, team) for product in products])
    sums = chain("low, high, da, dM, db", [_sum(cell, number, bias, team) for number, bias in enumerate(cell.biases)])
    rows, biases = _rows_before(len(cell.layout.matrices)), len(cell.biases)

    @register_jitable
    def pieces(dM):
        return rows(dM) + biases

    return outer, sums, pieces


def _rows_before(number: int) -> Callable:
    """f(dM), the rows of the matrices before this one, as ``gradient_row`` counts them."""
    if number == 0:

        @register_jitable
        def none(dM):
            return 0

        return none
    before, last = _rows_before(number - 1), number - 1

    @register_jitable
    def rows(dM):
        return before(dM) + dM[last].shape[0]

    return rows


def _outer(cell: Cell, product: Product, team: Team) -> Callable:
    """Add one step's part of one product to those of the rows low <= k < high that belong to the product's matrix."""
    index, size, layout = team.index, team.size, cell.layout
    matrix, place = layout.matrices[str(product.matrix)], layout.place(product.operand)
    choose, vector = array_of(place), place.row
    number, before, first = matrix.number, _rows_before(matrix.number), matrix.gates.index(product.gates[0])
    last, slots = first + len(product.gates), tuple(layout.slots[slot] for slot in product.into)

    @register_jitable
    def outer(low, high, x, s0, s1, tape, da, dM):
        begin, end = max(low - before(dM), 0), min(high - before(dM), dM[number].shape[0])
        add_outer_rows(dM[number], choose(x, s0, s1, tape)[vector], da, first, last, slots, begin, end, index(), size())

    return outer


def _sum(cell: Cell, number: int, bias: Bias, team: Team) -> Callable:
    """Add one step's part to a bias, if one of low <= k < high stands for it."""
    index, size, rows = team.index, team.size, _rows_before(len(cell.layout.matrices))
    slots = tuple(cell.layout.slots[slot] for slot in bias.slots)
    own, count = tuple(bias.rows.index(row) for row in bias.row_of.values()), len(slots)

    @register_jitable
    def total(low, high, da, dM, db):
        if low <= rows(dM) + number < high:
            for g in range(count):
                add(db[number][own[g]], da[slots[g]], db[number].shape[1], index(), size())

    return total
