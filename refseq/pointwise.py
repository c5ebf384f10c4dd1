"""The functions of a stage: its own, unit by unit, or an operation on whole vectors; each with its adjoint.

run(M, p, m, s0, s1, tape, a)                      a: pre-activations; writes what the stage makes and keeps
pull(M, p, m, s0, s1, tape, ds, d0, dv, da, dp)    ds, dv: cotangents of new states and of vectors; writes da
"""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.cell import Cell
from refseq.columns import gather, scatter, scatter_add
from refseq.layout import Place
from refseq.linear import extent
from refseq.operations import OPERATIONS
from refseq.primitives import zero
from refseq.stage import Stage
from refseq.team import Team, chain


def unitwise(cell: Cell, number: int, team: Team) -> tuple[Callable, Callable]:
    """The stage's own function and its adjoint, unit by unit."""
    index, size, barrier, stage, layout = team.index, team.size, team.barrier, cell.stages[number], cell.layout
    function, adjoint = stage.forward, stage.backward
    assert function is not None  # a cell's validation guarantees both
    assert adjoint is not None
    slots, kept = tuple(layout.slots[slot] for slot in stage.slots), layout.kept[number]
    made, vectors = layout.rows(stage.makes)
    renewed, seen = layout.rows(stage.sees)
    states, masks = tuple(range(len(cell.olds))), tuple(range(len(cell.masks)))
    own, numbers = tuple(range(len(cell.own))), tuple(range(len(cell.own) + len(cell.constants)))
    known = states + renewed
    measure, axis = layout.measure(stage.size)

    @register_jitable
    def run(M, b, p, m, x, s0, s1, tape, a):
        j = index()
        while j < extent(M, measure, axis):
            s = gather(s0, j, states) + gather(s1, j, renewed) + gather(tape, j, seen)
            results, record = function(gather(a, j, slots), s, gather(p, j, numbers) + gather(m, j, masks))
            scatter(s1, j, made, results, ())
            scatter(tape, j, vectors, results, made)
            scatter(tape, j, kept, record, ())
            j += size()
        barrier()

    @register_jitable
    def pull(M, p, m, s0, s1, tape, ds, d0, dv, da, dx, dp):
        j = index()
        while j < extent(M, measure, axis):
            s = gather(s0, j, states) + gather(s1, j, renewed) + gather(tape, j, seen)
            results = gather(s1, j, made) + gather(tape, j, vectors)
            cotangents = gather(ds, j, made) + gather(dv, j, vectors)
            parameters = gather(p, j, numbers) + gather(m, j, masks)
            pulled, before, mine = adjoint(gather(tape, j, kept), s, results, parameters, cotangents)
            scatter(da, j, slots, pulled, ())
            scatter_add(d0, j, states, before, ())
            scatter_add(ds, j, renewed, before, states)
            scatter_add(dv, j, seen, before, known)
            scatter_add(dp, j, own, mine, ())
            j += size()
        barrier()

    return run, pull


def operationwise(cell: Cell, number: int, team: Team) -> tuple[Callable, Callable]:
    """The stage's operation on whole vectors, one pre-activation after another, and its adjoint."""
    stage, layout, barrier = cell.stages[number], cell.layout, team.barrier
    pairs = []
    for k, (slot, vector) in enumerate(zip(stage.slots, stage.makes, strict=True)):
        kept = layout.kept[number]
        share = len(kept) // len(stage.slots)
        rows = kept[share * k : share * (k + 1)]
        pairs.append(_operation(cell, stage, layout.slots[slot], layout.place(vector), rows, team))
    runs = chain("M, p, s1, tape, a", [pair[0] for pair in pairs])
    pulls = chain("M, p, s1, tape, ds, dv, da", [pair[1] for pair in pairs])

    @register_jitable
    def run(M, b, p, m, x, s0, s1, tape, a):
        barrier()  # every thread reads whole vectors
        runs(M, p, s1, tape, a)
        barrier()

    @register_jitable
    def pull(M, p, m, s0, s1, tape, ds, d0, dv, da, dx, dp):
        pulls(M, p, s1, tape, ds, dv, da)
        barrier()

    return run, pull


def _operation(
    cell: Cell, stage: Stage, slot: int, place: Place, kept: tuple[int, ...], team: Team
) -> tuple[Callable, Callable]:
    """The operation on one pre-activation."""
    index, size, operation = team.index, team.size, OPERATIONS[str(stage.operation)]
    function, adjoint = operation.forward, operation.backward
    measure, axis = cell.layout.measure(stage.size)
    new, row = place.kind == "new", place.row
    keeps, kept_row = bool(kept), (kept or (0,))[0]
    constant = operation.constant is not None
    number = len(cell.own) + list(cell.constants).index(str(operation.constant)) if constant else 0

    @register_jitable
    def run(M, p, s1, tape, a):
        given = p[number, 0] if constant else zero(a[slot, 0])
        out, record = s1[row] if new else tape[row], tape[kept_row] if keeps else a[slot]
        function(a[slot], out, record, given, extent(M, measure, axis), index(), size())

    @register_jitable
    def pull(M, p, s1, tape, ds, dv, da):
        out, dout = (s1[row], ds[row]) if new else (tape[row], dv[row])
        record = tape[kept_row] if keeps else da[slot]
        adjoint(da[slot], out, dout, record, extent(M, measure, axis), index(), size())

    return run, pull
