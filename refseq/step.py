"""From a cell to a time step: affine maps around the pointwise functions, and the adjoint in reverse order.

A step works on one batch row and is carried out by a team of threads (see ``Team``). Arrays of one row, with K inputs,
H units, G gates, A pre-activations, S states, N rows of tape, P per-unit parameters:

    W (K, G, H)  U (H, G, H)  b (G, H)  p (P, H)  x (K,)  s0, s1 (S, H)  tape (N, H)  a, da (A, H)  dv (H,)

    forward(W, U, b, p, x, s0, s1, tape, a)                writes s1 and tape; a is scratch
    backward(W, U, p, s0, s1, tape, ds, da, dx, dp, dv)    ds: cotangent of s1 on entry and of s0 on exit; writes da;
                                                           adds to dx and dp; dv is scratch

The gradients of W, U and b follow from da alone, once, after the time loop (``refseq.scan``).
"""

from collections.abc import Callable
from dataclasses import dataclass

from numba.extending import register_jitable

from refseq.cell import Cell
from refseq.columns import gather, scatter, scatter_add
from refseq.linear import add_product, add_transposed_product, affine, clear
from refseq.primitives import zero


@dataclass(frozen=True)
class Team:
    """The threads that share one batch row: which one am I, how many are there, wait for all."""

    index: Callable[[], int]
    size: Callable[[], int]
    barrier: Callable[[], None]


@register_jitable
def _first() -> int:
    return 0


@register_jitable
def _one() -> int:
    return 1


@register_jitable
def _nothing() -> None:
    pass


ALONE = Team(_first, _one, _nothing)
"""A CPU thread works on a row by itself."""


@dataclass(frozen=True)
class Step:
    """The two directions of a time step, as plain functions that numba can compile."""

    forward: Callable
    backward: Callable


def build_step(cell: Cell, team: Team) -> Step:
    """The step of a cell, for a team of threads."""
    apply, pull = _pointwise(cell, team)
    return _modulated_step(cell, team, apply, pull) if cell.modulated else _affine_step(cell, team, apply, pull)


def _pointwise(cell: Cell, team: Team) -> tuple[Callable, Callable]:
    """The cell's forward and backward, unit by unit."""
    cell_forward, cell_backward = cell.forward, cell.backward
    index, size = team.index, team.size
    values, states, own = tuple(range(cell.values)), tuple(range(len(cell.state))), tuple(range(len(cell.parameters)))
    after_early, first = len(cell.early), cell.stored - len(cell.tape)
    taped = tuple(range(first, cell.stored))

    @register_jitable
    def apply(p, s0, s1, tape, a):
        j = index()
        while j < s0.shape[1]:
            new, record = cell_forward(gather(a, j, values), gather(s0, j, states), gather(p, j, own))
            scatter(s1, j, 0, new)
            scatter(tape, j, first, record)
            j += size()

    @register_jitable
    def pull(p, s0, s1, tape, ds, da, dp):
        j = index()
        while j < s0.shape[1]:
            old, new, cotangent = gather(s0, j, states), gather(s1, j, states), gather(ds, j, states)
            pulled, before, mine = cell_backward(gather(tape, j, taped), old, new, gather(p, j, own), cotangent)
            scatter(da, j, after_early, pulled)
            scatter(ds, j, 0, before)
            scatter_add(dp, j, 0, mine)
            j += size()

    return apply, pull


def _affine_step(cell: Cell, team: Team, apply: Callable, pull: Callable) -> Step:
    """Every gate's operand is h_{t-1}: one affine map, then the cell."""
    index, size, barrier = team.index, team.size, team.barrier
    gates, plain, slots = len(cell.gates), tuple(range(len(cell.gates))), cell.slots

    @register_jitable
    def forward(W, U, b, p, x, s0, s1, tape, a):
        lane, lanes = index(), size()
        affine(a, W, b, x, lane, lanes)
        clear(a, gates, lane, lanes)
        add_product(a, U, s0[0], 0, gates, slots, lane, lanes)
        apply(p, s0, s1, tape, a)
        barrier()

    @register_jitable
    def backward(W, U, p, s0, s1, tape, ds, da, dx, dp, dv):
        lane, lanes = index(), size()
        pull(p, s0, s1, tape, ds, da, dp)
        barrier()
        add_transposed_product(dx, W, da, 0, gates, plain, lane, lanes)
        add_transposed_product(ds[0], U, da, 0, gates, slots, lane, lanes)
        barrier()

    return Step(forward, backward)


def _modulated_step(cell: Cell, team: Team, apply: Callable, pull: Callable) -> Step:
    """The last gates' operand is a vector v that the early gates make of the old state: two affine maps."""
    operand, operand_backward = cell.operand, cell.operand_backward
    assert operand is not None  # Cell guarantees both for modulated gates
    assert operand_backward is not None
    index, size, barrier = team.index, team.size, team.barrier
    gates, direct, plain, slots = len(cell.gates), cell.direct, tuple(range(len(cell.gates))), cell.slots
    states, own = tuple(range(len(cell.state))), tuple(range(len(cell.parameters)))
    early, taped = tuple(range(len(cell.early))), tuple(range(1, 1 + len(cell.operand_tape)))  # row 0 is v itself

    @register_jitable
    def forward(W, U, b, p, x, s0, s1, tape, a):
        lane, lanes = index(), size()
        affine(a, W, b, x, lane, lanes)
        clear(a, gates, lane, lanes)
        add_product(a, U, s0[0], 0, direct, slots, lane, lanes)
        j = lane
        while j < s0.shape[1]:
            v, record = operand(gather(a, j, early), gather(s0, j, states), gather(p, j, own))
            tape[0, j] = v
            scatter(tape, j, 1, record)
            j += lanes
        barrier()
        add_product(a, U, tape[0], direct, gates, slots, lane, lanes)
        apply(p, s0, s1, tape, a)
        barrier()

    @register_jitable
    def backward(W, U, p, s0, s1, tape, ds, da, dx, dp, dv):
        lane, lanes = index(), size()
        pull(p, s0, s1, tape, ds, da, dp)
        barrier()
        j = lane
        while j < dv.shape[0]:
            dv[j] = zero(da[direct, j])
            j += lanes
        add_transposed_product(dv, U, da, direct, gates, slots, lane, lanes)
        j = lane
        while j < dv.shape[0]:
            pulled, before, mine = operand_backward(
                gather(tape, j, taped), gather(s0, j, states), gather(p, j, own), dv[j]
            )
            scatter(da, j, 0, pulled)
            scatter_add(ds, j, 0, before)
            scatter_add(dp, j, 0, mine)
            j += lanes
        barrier()
        add_transposed_product(dx, W, da, 0, gates, plain, lane, lanes)
        add_transposed_product(ds[0], U, da, 0, direct, slots, lane, lanes)
        barrier()

    return Step(forward, backward)
