"""From a cell to a time step: its stages one after another, and their adjoints in reverse order.

A step works on one batch row and is carried out by a team of threads (``refseq.team``). Arrays of one row, with K
inputs, H units, A pre-activations, S states, V vectors made for later stages, N rows of tape (the first V of them those
vectors), P per-unit parameters and constants, Q masks. Where sizes differ (``Cell.sizes``), rows are as long as the
longest vector, and a shorter one fills the beginning.

    M    one array for each matrix, (size in, G, size out)        b  one array for each bias, (G, size out)
    p (P, H)  m (Q, H)  x (1, K)  s0, s1 (S, H)  tape (N, H)  a, da (A, H)

    forward(M, b, p, m, x, s0, s1, tape, a)                writes s1 and tape; a is scratch
    backward(M, p, m, s0, s1, tape, ds, d0, dv, da, dx, dp)
        ds: cotangent of s1 on entry and of s0 on exit; writes da; adds to dx and dp; scratch: d0 (S, H), dv (V, H)

The gradients of matrices and biases follow from da alone, once, after the time loop (``refseq.scan``). So do the
matrix products of x: a target may take them for many steps at once, ``ahead`` of the loop, and their adjoint behind it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from numba.extending import register_jitable

from refseq.cell import Cell
from refseq.linear import add, add_transposed_product, clear, copy
from refseq.operand import array_of
from refseq.pointwise import operationwise, unitwise
from refseq.stage import Product, Stage
from refseq.team import Team, chain

FORWARD = "M, b, p, m, x, s0, s1, tape, a"
BACKWARD = "M, p, m, s0, s1, tape, ds, d0, dv, da, dx, dp"


@dataclass(frozen=True)
class Step:
    """The two directions of a time step, as plain functions that numba can compile."""

    forward: Callable
    backward: Callable


def build_step(cell: Cell, team: Team, chained: bool = True, ahead: bool = False) -> Step:
    """The step of a cell, for a team of threads. Not ``chained``: the old states' cotangent stays in d0. ``ahead``: the
    pre-activations that get a matrix product of x have it, and their bias, on entry; and dx is without their part.

    All parts of all stages are called by one function: every level of calls would be further functions to compile.
    """
    stages = [_stage(cell, number, team, ahead) for number in range(len(cell.stages))]
    begin, finish = _cotangents(team)
    forward = [part for stage in stages for part in stage[0]]
    backward = [part for stage in reversed(stages) for part in stage[1]]
    return Step(chain(FORWARD, forward), chain(BACKWARD, [begin, *backward, *[finish] * chained]))


def _cotangents(team: Team) -> tuple[Callable, Callable]:
    """Before and after the stages' adjoints: clear what they add to; hand on the cotangent of the old state."""
    index, size, barrier = team.index, team.size, team.barrier

    @register_jitable
    def begin(M, p, m, s0, s1, tape, ds, d0, dv, da, dx, dp):
        for row in range(d0.shape[0]):
            clear(d0[row], d0.shape[1], index(), size())
        for row in range(dv.shape[0]):
            clear(dv[row], dv.shape[1], index(), size())

    @register_jitable
    def finish(M, p, m, s0, s1, tape, ds, d0, dv, da, dx, dp):
        for row in range(d0.shape[0]):
            copy(ds[row], d0[row], d0.shape[1], index(), size())
        barrier()

    return begin, finish


def taken_ahead(product: Product) -> bool:
    """Whether a product needs nothing that the time loop makes: a matrix and x."""
    return product.matrix is not None and product.operand == "x"


def _stage(cell: Cell, number: int, team: Team, ahead: bool) -> tuple[list[Callable], list[Callable]]:
    """The parts of one stage: biases, products, then its function; and those of the adjoint, the other way round."""
    stage, barrier = cell.stages[number], team.barrier
    done = [product for product in stage.products if ahead and taken_ahead(product)]
    products = [_product(cell, stage, product, team) for product in stage.products if product not in done]
    slots = [slot for slot in stage.slots if not any(slot in product.into for product in done)]
    run, pull = (operationwise if stage.operation else unitwise)(cell, number, team)

    @register_jitable
    def wait(M, p, m, s0, s1, tape, ds, d0, dv, da, dx, dp):
        barrier()

    forward = [*_fill(cell, slots, team), *(product.forward for product in products), run]
    return forward, [pull, *(product.backward for product in reversed(products)), wait]


def _fill(cell: Cell, names: list[str], team: Team) -> list[Callable]:
    """Start these pre-activations: with their biases, or with 0."""
    index, size, layout = team.index, team.size, cell.layout
    fillers = []
    for number in range(len(cell.biases)):
        pairs = [(slot, layout.bias(slot)) for slot in names]
        rows = [(layout.slots[slot], place[1]) for slot, place in pairs if place is not None and place[0] == number]
        if rows:
            fillers.append(_biased(number, rows, team))
    bare = tuple(layout.slots[slot] for slot in names if layout.bias(slot) is None)

    @register_jitable
    def empty(M, b, p, m, x, s0, s1, tape, a):
        for row in bare:
            clear(a[row], a.shape[1], index(), size())

    return [*fillers, empty] if bare else fillers


def _biased(number: int, pairs: list[tuple[int, int]], team: Team) -> Callable:
    """Copy rows of one bias into pre-activations."""
    index, size, count = team.index, team.size, len(pairs)
    slots, rows = tuple(slot for slot, _ in pairs), tuple(row for _, row in pairs)

    @register_jitable
    def biased(M, b, p, m, x, s0, s1, tape, a):
        for k in range(count):
            copy(a[slots[k]], b[number][rows[k]], b[number].shape[1], index(), size())

    return biased


def _product(cell: Cell, stage: Stage, product: Product, team: Team) -> Step:
    """One product and its adjoint in the operand; without a matrix, the operand itself."""
    index, size, layout = team.index, team.size, cell.layout
    slots = tuple(layout.slots[slot] for slot in product.into)
    place, add_product = layout.place(product.operand), team.product
    choose, row = array_of(place), place.row
    if product.matrix is None:
        (slot,) = slots
        measure, axis = layout.measure(stage.size)

        @register_jitable
        def take(M, b, p, m, x, s0, s1, tape, a):
            add(a[slot], choose(x, s0, s1, tape)[row], M[measure].shape[axis], index(), size())

        @register_jitable
        def give(M, p, m, s0, s1, tape, ds, d0, dv, da, dx, dp):
            add(choose(dx, d0, ds, dv)[row], da[slot], M[measure].shape[axis], index(), size())

        return Step(take, give)
    matrix = layout.matrices[product.matrix]
    number, first = matrix.number, matrix.gates.index(product.gates[0])
    last = first + len(product.gates)

    @register_jitable
    def forward(M, b, p, m, x, s0, s1, tape, a):
        add_product(a, M[number], choose(x, s0, s1, tape)[row], first, last, slots, index(), size())

    @register_jitable
    def backward(M, p, m, s0, s1, tape, ds, d0, dv, da, dx, dp):
        add_transposed_product(choose(dx, d0, ds, dv)[row], M[number], da, first, last, slots, index(), size())

    return Step(forward, backward)
