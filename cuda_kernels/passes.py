"""Forward and backward through one layer in one or both directions, as a sequence of launches.

Everything stays on the device between them: what comes in is copied there once, what the caller asked for is copied
back at the end. Checkpoints are those of ``refseq.targets.base``: the same operations in the same order, the same bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cuda_kernels import loops, memory, tables, tiers
from cuda_kernels.gradients import Source, add_gradients
from cuda_kernels.limits import check_size
from cuda_kernels.machine import Machine
from refseq.cell import Cell
from refseq.layout import Place
from refseq.targets import Direction, Feed, Weights
from refseq.targets.base import output_size


@dataclass(frozen=True)
class Pass:
    """A forward pass of D directions, on the device. ``states``: those before every piece of ``every`` steps; ``s`` and
    ``tape`` if there is one piece, else None. ``M``: the matrices (D, K, G, H). ``plan``: the tier of its time loop."""

    cell: Cell
    weights: tuple[Weights, ...]
    feeds: tuple[Feed, ...]
    every: int
    M: tuple
    bias: tuple
    p: Any
    masks: Any
    x: Any
    lengths: Any
    reverse: Any
    states: tuple
    s: Any
    tape: Any
    plan: tiers.Plan

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Directions, steps, rows, and the longest vector."""
        steps, rows, _ = self.feeds[0].x.shape
        return len(self.feeds), steps, rows, self.weights[0].p.shape[1]

    @property
    def dtype(self) -> np.dtype:
        """The precision."""
        return self.weights[0].p.dtype


def plan(machine: Machine, cell: Cell, p: np.ndarray, rows: int, directions: int) -> tiers.Plan:
    """The tier of a layer with these parameters of the units."""
    return tiers.choose(cell, str(p.dtype), p.shape[1], rows, directions, machine.hardware, *tiers.asked())


def forward(
    machine: Machine,
    cell: Cell,
    directions: Sequence[Direction],
    every: int | None,
    record: bool,
) -> tuple[Pass, np.ndarray, np.ndarray]:
    """The pass, the outputs (D, T, B, H'), and the final states (D, B, S, W)."""
    weights, feeds = [direction.weights for direction in directions], [direction.feed for direction in directions]
    x = feeds[0].x
    steps, rows, size = x.shape
    piece, p = max(steps, 1) if every is None else every, weights[0].p
    check_size(machine, cell, (len(feeds), steps, rows, p.shape[1]), piece, p.dtype.itemsize)
    matrices, biases = (zip(*(getattr(w, name) for w in weights), strict=True) for name in ("matrices", "biases"))
    placed = Pass(
        cell,
        tuple(weights),
        tuple(feeds),
        piece,
        tuple(map(machine.join, matrices)),
        tuple(map(machine.join, biases)),
        machine.join([w.p for w in weights]),
        machine.join([feed.masks for feed in feeds]),
        machine.place(x.reshape(steps, rows, 1, size)),
        machine.place(feeds[0].lengths.astype(np.int64)),
        machine.place(np.array([feed.reverse for feed in feeds], np.uint8)),
        (),
        None,
        None,
        plan(machine, cell, weights[0].p, rows, len(feeds)),
    )
    y = machine.zeros((len(feeds), steps, rows, output_size(cell, weights[0])), placed.dtype)
    state, s, tape, kept = machine.join([direction.s0 for direction in directions]), None, None, []
    for start in range(0, max(steps, 1), piece):
        kept.append(state)
        s, tape = _piece(machine, placed, state, y, start)
        final = machine.empty(state.shape, placed.dtype)
        if final.size:
            kernel = memory.kernels(str(placed.dtype)).last
            machine.launch(kernel, (rows, len(feeds)), placed.shape[3], s, placed.lengths, start, final)
        state = final
    if len(kept) > 1 or not record:
        s = tape = None
    placed = replace(placed, states=tuple(kept), s=s, tape=tape)
    return placed, machine.fetch(y), machine.fetch(state)


def _piece(machine: Machine, run: Pass, state: Any, y: Any, start: int) -> tuple[Any, Any]:
    """The states and tape of the piece of time that begins at ``start``; writes its outputs."""
    directions, steps, rows, width = run.shape
    stop, layout, dtype = min(start + run.every, steps), run.cell.layout, run.dtype
    n = stop - start
    make = machine.zeros if run.cell.sizes else machine.empty  # what lies behind shorter vectors is read, for nothing
    s = make((directions, n + 1, rows, len(run.cell.state), width), dtype)
    tape = make((directions, n, rows, layout.stored, width), dtype)
    for d in range(directions):
        if state.size:
            machine.copy(s[d, 0], state[d])
    if not (n and rows):
        return s, tape
    a = make((directions, n * rows, len(layout.slots), width), dtype)
    table = tables.rows_of(start, stop, run.feeds[0].lengths, tuple(feed.reverse for feed in run.feeds))
    if len(table.rows):
        flat, times, numbers = run.x.reshape(steps * rows, 1, -1), machine.place(table.times), machine.place(table.rows)
        for matrix, bias, blocks in tables.inputs_blocks(run.cell, directions):
            M, begin = run.M[matrix], run.bias[bias] if run.bias else run.p
            machine.project(blocks, M, begin, flat, times, numbers, a)
    given = (run.M, run.bias, run.p, run.masks, run.x, run.lengths, run.reverse)
    size = (rows, directions, width)
    loops.forward(machine, run.plan, run.cell, str(dtype), size, (start, stop, *given, s, tape, y, a))
    return s, tape


@dataclass(frozen=True)
class Cotangents:
    """Of everything that went in, with the direction first: matrices (D, K, G, H), biases, parameters of the units
    (D, P, W), summed over the rows in their order, x (D, T, B, 1, K), the states before the first step (D, B, S, W)."""

    matrices: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    p: np.ndarray
    x: np.ndarray
    states: np.ndarray


def backward(machine: Machine, run: Pass, dys: Sequence[np.ndarray], dstates: Sequence[np.ndarray]) -> Cotangents:
    """BPTT through a pass."""
    (directions, steps, rows, width), dtype, cell = run.shape, run.dtype, run.cell
    ds, dy = machine.join(dstates), machine.join_to_read(dys)
    d0 = machine.empty(ds.shape, dtype)
    dv = machine.empty((directions, rows, len(cell.layout.vectors), width), dtype)
    dx = machine.zeros((directions, *run.x.shape), dtype)
    dp = machine.zeros((directions, rows, len(cell.own), width), dtype)
    dM, db = (tuple(machine.zeros(part.shape, dtype) for part in parts) for parts in (run.M, run.bias))
    across = tuple(map(machine.across, run.M))
    for number in reversed(range(len(run.states))):
        start = number * run.every
        stop, s, tape = min(start + run.every, steps), run.s, run.tape
        if not (stop - start and rows):
            continue
        if s is None:
            y = machine.empty(dy.shape, dtype)
            s, tape = _piece(machine, run, run.states[number], y, start)
        da = machine.empty((directions, (stop - start), rows, len(cell.layout.slots), width), dtype)
        given = (across, run.p, run.masks, run.lengths, run.reverse, s, tape, dy, ds, d0, dv, da, dx, dp)
        size = (rows, directions, width)
        loops.backward(machine, run.plan, cell, str(dtype), size, (start, stop, *given))
        _gradients(machine, run, s, tape, da, dM, db, dx, start, stop)
    matrices, biases = (tuple(map(machine.fetch, parts)) for parts in (dM, db))
    return Cotangents(matrices, biases, machine.fetch(machine.total(dp)), machine.fetch(dx), machine.fetch(ds))


def _gradients(
    machine: Machine, run: Pass, s: Any, tape: Any, da: Any, dM: tuple, db: tuple, dx: Any, start: int, stop: int
) -> None:
    """Add those of a piece of time to dM and db, and to dx what the loop left out."""
    (directions, steps, rows, width), cell = run.shape, run.cell
    table = tables.rows_of(start, stop, run.feeds[0].lengths, tuple(feed.reverse for feed in run.feeds))
    if not len(table.rows):
        return
    times, numbers = machine.place(table.times), machine.place(table.rows)
    each = machine.place(np.repeat(table.rows[None], directions, axis=0))
    flat = da.reshape(directions, (stop - start) * rows, -1, width)
    old = s.reshape(directions, (stop - start + 1) * rows, -1, width)
    x = run.x.reshape(1, steps * rows, 1, -1)
    flat_tape = tape.reshape(directions, (stop - start) * rows, -1, width)

    def source(place: Place) -> Source:
        if place.kind == "x":
            return x, 0, times, 0
        if place.kind == "tape":
            return flat_tape, 1, each, 0
        return old, 1, each, rows if place.kind == "new" else 0

    add_gradients(machine, cell, source, flat, numbers, dM, db)
    for product in reversed(tables.inputs_of(cell)):
        M = run.M[cell.layout.matrices[str(product.matrix)].number]
        gates, slots = tables.gates_of(cell, product)
        machine.pull(gates, slots, M, flat, times, numbers, dx.reshape(directions, steps * rows, 1, -1))
