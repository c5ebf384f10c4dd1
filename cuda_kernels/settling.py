"""The functions of a cell's stages in a time loop whose block of threads shares several rows of the batch.

They are the cell's own (``refseq.pointwise``); a thread runs them for one of the block's units in one row, and for the
same unit in further rows. What a unit has of its own is in shared memory, and only this thread reads or writes it:

    forward   old, new (rows, S, units)  kept (rows, N, units): of a step   pre (rows, A, units): pre-activations
    backward  ds, d0 (rows, S, units)  dv (rows, V, units)  cot (rows, A, units): of pre  own (rows, P, units)

``full`` (V, slices, rows, terms) is what matrices are multiplied with, for tensor cores in one slice. If all units are
one block's, it is filled here; else other blocks read what is stored in the arrays s, tape and da of
``cuda_kernels.scan``.
"""

from collections.abc import Callable

import numpy as np
from numba.extending import register_jitable

from cuda_kernels import columns
from cuda_kernels.columns import Share
from cuda_kernels.gpu import thread
from refseq.cell import Cell
from refseq.layout import Place
from refseq.pointwise import unitwise
from refseq.scan import time_index
from refseq.team import Team, chain

FORWARD = "d, b, r, u, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts"
BACKWARD = "d, b, r, u, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full, parts"


def one_unit(units: int) -> Team:
    """A thread for one unit, which waits for nobody."""

    @register_jitable
    def index():
        return thread() % units

    @register_jitable
    def size():
        return units

    @register_jitable
    def nothing():
        pass

    return Team(index, size, nothing)


def published(cell: Cell, number: int) -> list[tuple[int, Place]]:
    """The operands that are complete after this stage, by number: what it makes; after the last, the states."""
    made = [cell.layout.place(name) for name in cell.stages[number].makes]
    last = number + 1 == len(cell.stages)
    every = enumerate(columns.operands(cell))
    return [(o, place) for o, place in every if place in made or (last and place.kind == "old")]


def build_settle(cell: Cell, number: int, share: Share, alone: bool, none: np.floating) -> Callable:
    """The pre-activations of a stage from the sums of its products, its function, and its results to where they are
    read. Arguments: FORWARD, for unit u of row r, which is row b of the batch, at step t."""
    units, layout, stage = share.units, cell.layout, cell.stages[number]
    run, _ = unitwise(cell, number, one_unit(units))
    new_rows, vectors = layout.rows(stage.makes)
    tape_rows, states = (*vectors, *layout.kept[number]), len(cell.state)
    last = number + 1 == len(cell.stages)

    @register_jitable
    def function(
        d, b, r, u, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts
    ):
        i, end = time_index(t, lengths[b], reverse[d]), first + units
        run(units, bias, p[d, :, first:end], m[d, i, b, :, first:end], p, old[r], new[r], kept[r], pre[r])

    @register_jitable
    def store(d, b, r, u, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts):
        for row in new_rows:
            s[d, n + 1, b, row, first + u] = new[r, row, u]

    @register_jitable
    def keep(d, b, r, u, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts):
        for row in tape_rows:
            tape[d, n, b, row, first + u] = kept[r, row, u]

    @register_jitable
    def finish(d, b, r, u, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts):
        y[d, time_index(t, lengths[b], reverse[d]), b, first + u] = new[r, 0, u]
        for row in range(states):
            old[r, row, u] = new[r, row, u]

    publish = [_publish(o, place, share.terms) for o, place in published(cell, number)] if alone else []
    results = [store] * bool(new_rows) + [keep] * bool(tape_rows)  # numba has no loop over an empty tuple
    return chain(FORWARD, [*_fill(cell, number, share, none), function, *results, *publish, *[finish] * last])


def _publish(operand: int, place: Place, terms: int) -> Callable:
    """An operand to shared memory; the new states are the old ones of the next step."""
    row, of_state = place.row, place.kind != "tape"

    @register_jitable
    def publish(d, b, r, u, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts):
        full[operand, u // terms, r, u % terms] = new[r, row, u] if of_state else kept[r, row, u]

    return publish


def _fill(cell: Cell, number: int, share: Share, none: np.floating) -> list[Callable]:
    """Each pre-activation of a stage: the sum of its products; or what was there ahead of the loop, its bias, or 0."""
    found, ahead = columns.pairs(cell, number), columns.filled_ahead(cell, number)
    fillers = []
    for name in cell.stages[number].slots:
        slot = cell.layout.slots[name]
        positions = [q for q, pair in enumerate(found) if pair.slot == slot]
        if positions:
            fillers.append(_total(slot, columns.build_total(positions, share)))
        elif name in ahead:
            fillers.append(_taken(slot))
        else:
            fillers.append(_constant(slot, columns.build_base([cell.layout.bias(name)], none)))
    return fillers


def _total(slot: int, total: Callable) -> Callable:
    @register_jitable
    def fill(d, b, r, u, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts):
        pre[r, slot, u] = total(parts, r, u)

    return fill


def _taken(slot: int) -> Callable:
    @register_jitable
    def fill(d, b, r, u, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts):
        pre[r, slot, u] = a[d, n * lengths.shape[0] + b, slot, first + u]

    return fill


def _constant(slot: int, base: Callable) -> Callable:
    @register_jitable
    def fill(d, b, r, u, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts):
        pre[r, slot, u] = base(bias, d, 0, first + u)

    return fill


def build_pull(cell: Cell, number: int, share: Share, alone: bool, none: np.floating) -> Callable:
    """The adjoint of a stage's function. Arguments: BACKWARD; of the last stage it begins the step, of the first
    without products it ends it."""
    units, layout, stage = share.units, cell.layout, cell.stages[number]
    _, pull = unitwise(cell, number, one_unit(units))
    slots, last = tuple(layout.slots[slot] for slot in stage.slots), number + 1 == len(cell.stages)
    states, vectors, terms = len(cell.state), len(layout.vectors), share.terms

    @register_jitable
    def begin(d, b, r, u, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full, parts):
        ds[r, 0, u] = ds[r, 0, u] + dy[d, time_index(t, lengths[b], reverse[d]), b, first + u]
        for row in range(states):
            d0[r, row, u] = none
        for row in range(vectors):
            dv[r, row, u] = none

    @register_jitable
    def adjoint(d, b, r, u, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full, parts):
        i, end = time_index(t, lengths[b], reverse[d]), first + units
        states = s[d, n, b, :, first:end], s[d, n + 1, b, :, first:end]
        given = p[d, :, first:end], m[d, i, b, :, first:end]
        step = tape[d, n, b, :, first:end]
        pull(units, given[0], given[1], states[0], states[1], step, ds[r], d0[r], dv[r], cot[r], cot[r], own[r])

    @register_jitable
    def store(d, b, r, u, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full, parts):
        for slot in slots:
            da[d, n, b, slot, first + u] = cot[r, slot, u]
            if alone:
                full[slot, u // terms, r, u % terms] = cot[r, slot, u]

    return chain(BACKWARD, [*[begin] * last, adjoint, *[store] * bool(slots)])


def build_hand_on(cell: Cell, number: int, share: Share) -> Callable:
    """Behind the products of a stage's adjoint: their sums to the cotangents of the vectors; of the first stage, the
    old states' cotangents to where the step before finds them."""
    found, states = columns.pairs_back(cell, number), len(cell.state)
    adders = []
    for place in dict.fromkeys(pair.place for pair in found):
        positions = [q for q, pair in enumerate(found) if pair.place == place]
        adders.append(_add(place, columns.build_total(positions, share)))

    @register_jitable
    def finish(d, b, r, u, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full, parts):
        for row in range(states):
            ds[r, row, u] = d0[r, row, u]

    return chain(BACKWARD, [*adders, *[finish] * (number == 0)])


def _add(place: Place, total: Callable) -> Callable:
    row, old, tape_row = place.row, place.kind == "old", place.kind == "tape"

    @register_jitable
    def add(d, b, r, u, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full, parts):
        more = total(parts, r, u)
        if old:
            d0[r, row, u] = d0[r, row, u] + more
        elif tape_row:
            dv[r, row, u] = dv[r, row, u] + more
        else:
            ds[r, row, u] = ds[r, row, u] + more

    return add
