"""The time loop with the weights of the recurrent matrices on chip: read once, then kept for all steps.

Versions, each with what it changes against ``cuda_kernels.scan``, which reads all weights again in every step:

    1  a block takes a group of ``rows`` rows of the batch and has all units; weights in registers, vectors that are
       multiplied in shared memory; threads of one block wait for one another, and for nobody else
    2  (``cuda_kernels.persistent``) the units are shared by ``blocks`` blocks, which wait for one another once for
       every vector that they make together

Arguments and results are those of ``cuda_kernels.scan``; matrices that backward is given are transposed likewise. A sum
in one slice (``columns.Share``) is the chain of ``scan``, term by term, so that forward has its bits, except where two
products go to one pre-activation; several gates' sums are added behind one another, so that backward's last bits differ
if there is more than one gate. Rows keep apart: the rows of a group do not change one another's bits.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable

from cuda_kernels import columns, gpu, settling
from cuda_kernels.columns import Pair, Share
from cuda_kernels.gpu import barrier, device, domain_barrier, thread
from refseq.cell import Cell
from refseq.targets.digest import name_for_cache, source_digest
from refseq.team import chain

STAGE = (
    "d, b0, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts, w, sums, "
    "counters, domain, turn"
)
ADJOINT = (
    "d, b0, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full, parts, w, sums, "
    "counters, domain, turn"
)


@dataclass(frozen=True)
class Launch:
    """``threads`` of a block and ``blocks`` that share the units of a group of ``rows`` rows; ``slices`` of every sum.
    Every number is a literal of the kernel."""

    units: int
    rows: int
    threads: int
    blocks: int = 1
    slices: int = 1

    @property
    def share(self) -> Share:
        """What one block has of every product."""
        return Share(self.units // self.blocks, self.slices, self.units // self.slices, self.rows)


@dataclass(frozen=True)
class Loops:
    """The two kernels of a cell and a launch."""

    forward: Any
    backward: Any


@cache
def kernels(cell: Cell, dtype: str, launch: Launch) -> Loops:
    """The kernels, compiled on their first launch."""
    key = source_digest(cell, sys.modules[__name__], columns, settling, gpu) + repr(launch)
    options = {"cache": True, "launch_bounds": (launch.threads, 1)}
    made = (build(cell, dtype, launch, key) for build in (_forward, _backward))
    name = f"{dtype}_{launch.units}_{launch.rows}_{launch.threads}_{launch.blocks}_{launch.slices}"
    return Loops(*(gpu.jit(**options)(name_for_cache(loop, name, key)) for loop in made))


def _forward(cell: Cell, dtype: str, launch: Launch, key: str) -> Callable:
    number, share, layout = np.dtype(dtype).type, launch.share, cell.layout
    units, rows, blocks = share.units, share.rows, launch.blocks
    found = [columns.pairs(cell, k) for k in range(len(cell.stages))]
    vectors, states = len(columns.operands(cell)), len(cell.state)
    full_shape, parts_shape = _full(max(vectors, 1), share), _parts(found, share)
    old_shape, kept_shape = (rows, states, units), (rows, max(layout.stored, 1), units)
    pre_shape, weights = (rows, len(layout.slots), units), _weights(found, share)
    load = _load(found, share)
    steps = chain(STAGE, [_stage(cell, k, launch, number(0)) for k in range(len(cell.stages))])
    begin = _begin(cell, launch)

    # `key` is captured so that it is part of numba's cache key
    def forward(start, stop, M, bias, p, m, lengths, reverse, s, tape, y, a, counters):
        _ = key
        full = device.shared.array(full_shape, number)
        parts = device.shared.array(parts_shape, number)
        old = device.shared.array(old_shape, number)
        new = device.shared.array(old_shape, number)
        kept = device.shared.array(kept_shape, number)
        pre = device.shared.array(pre_shape, number)
        w = device.local.array(weights, number)
        sums = device.local.array(rows, number)
        turn = device.local.array(1, np.uint32)
        turn[0] = 0
        member, group = device.blockIdx.x % blocks, device.blockIdx.x // blocks
        groups, first = device.gridDim.x // blocks, member * units
        domain = device.blockIdx.y * groups + group
        d = device.blockIdx.y
        while d < reverse.shape[0]:
            load(w, M, d, first)
            b0 = group * rows
            while b0 < lengths.shape[0]:
                end = _longest(lengths, b0, start, stop, rows)
                begin(d, b0, first, s, old, full)
                barrier()
                t = start
                while t < end:
                    steps(
                        d, b0, t, t - start, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre,
                        full, parts, w, sums, counters, domain, turn,
                    )  # fmt: skip
                    t += 1
                b0 += groups * rows
            d += device.gridDim.y

    return forward


def _backward(cell: Cell, dtype: str, launch: Launch, key: str) -> Callable:
    number, share, layout = np.dtype(dtype).type, launch.share, cell.layout
    units, rows, blocks, own_rows = share.units, share.rows, launch.blocks, len(cell.own)
    found = [columns.pairs_back(cell, k) for k in range(len(cell.stages))]
    slots, states = len(layout.slots), len(cell.state)
    full_shape, parts_shape, state_shape = _full(slots, share), _parts(found, share), (rows, states, units)
    cot_shape, own_shape = (rows, slots, units), (rows, max(own_rows, 1), units)
    vector_shape, weights = (rows, max(len(layout.vectors), 1), units), _weights(found, share)
    load = _load(found, share)
    steps = chain(ADJOINT, [_adjoint(cell, k, launch, number(0)) for k in reversed(range(len(cell.stages)))])
    each, apart = launch.threads // units, launch.units != units

    def backward(start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, da, dp, counters):
        _ = key
        full = device.shared.array(full_shape, number)
        parts = device.shared.array(parts_shape, number)
        after = device.shared.array(state_shape, number)
        before = device.shared.array(state_shape, number)
        dv = device.shared.array(vector_shape, number)
        cot = device.shared.array(cot_shape, number)
        own = device.shared.array(own_shape, number)
        w = device.local.array(weights, number)
        sums = device.local.array(rows, number)
        turn = device.local.array(1, np.uint32)
        turn[0] = 0
        member, group = device.blockIdx.x % blocks, device.blockIdx.x // blocks
        groups, first = device.gridDim.x // blocks, member * units
        domain = device.blockIdx.y * groups + group
        u = thread() % units
        d = device.blockIdx.y
        while d < reverse.shape[0]:
            load(w, M, d, first)
            b0 = group * rows
            while b0 < lengths.shape[0]:
                r = thread() // units
                while r < min(rows, lengths.shape[0] - b0):
                    for i in range(states):
                        after[r, i, u] = ds[d, b0 + r, i, first + u]
                    for i in range(own_rows):
                        own[r, i, u] = dp[d, b0 + r, i, first + u]
                    r += each
                t = _longest(lengths, b0, start, stop, rows) - 1
                while t >= start:
                    steps(
                        d, b0, t, t - start, first, p, m, lengths, reverse, s, tape, dy, da, after, before, dv, cot,
                        own, full, parts, w, sums, counters, domain, turn,
                    )  # fmt: skip
                    t -= 1
                r = thread() // units
                while r < min(rows, lengths.shape[0] - b0):
                    for i in range(states):
                        ds[d, b0 + r, i, first + u] = after[r, i, u]
                    for i in range(own_rows):
                        dp[d, b0 + r, i, first + u] = own[r, i, u]
                    r += each
                b0 += groups * rows
            d += device.gridDim.y

    return backward


@register_jitable
def _longest(lengths, b0, start, stop, rows):
    """Where the longest row of a group ends, within the piece of time."""
    end = start
    for r in range(rows):
        if b0 + r < lengths.shape[0]:
            end = max(end, min(stop, lengths[b0 + r]))
    return end


def _stage(cell: Cell, number: int, launch: Launch, none: np.floating) -> Callable:
    """A stage: the sums of its products, then its function for every unit; then all wait."""
    share, found = launch.share, columns.pairs(cell, number)
    units, rows, slices, each = share.units, share.rows, share.slices, launch.threads // share.units
    settle = settling.build_settle(cell, number, share, launch.blocks == 1, none)
    add = columns.build_sums(_first(cell, number, share, columns.pairs), share)
    ahead, biases = columns.starts(cell, number, found)
    vector, slot = columns.table([pair.vector for pair in found]), columns.table(ahead)
    base, count = columns.build_base(biases, none), len(found)
    wait = _meet(launch, [(o, place, place.kind == "tape") for o, place in settling.published(cell, number)], 1)

    @register_jitable
    def products(
        d, b0, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts, w, sums,
        counters, domain, turn,
    ):  # fmt: skip
        u, q = thread() % units, thread() // units // slices
        part = thread() // units - q * slices
        if q < count:
            begin = base(bias, d, q, first + u) if part == 0 else none
            start = slot(q) if part == 0 else -1
            for r in range(rows):
                sums[r] = begin
                if start >= 0 and b0 + r < lengths.shape[0] and t < lengths[b0 + r]:
                    sums[r] = a[d, n * lengths.shape[0] + b0 + r, start, first + u]
            add(w, full[vector(q), part], sums)
            for r in range(rows):
                parts[q, part, r, u] = sums[r]
        barrier()

    @register_jitable
    def function(
        d, b0, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts, w, sums,
        counters, domain, turn,
    ):  # fmt: skip
        u, r = thread() % units, thread() // units
        while r < rows:
            b = b0 + r
            if b < lengths.shape[0] and t < lengths[b]:
                settle(
                    d, b, r, u, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full,
                    parts,
                )  # fmt: skip
            r += each
        wait(counters, domain, turn, d, b0, n, t, lengths, s, tape, full)

    return chain(STAGE, [*[products] * bool(found), function])


def _adjoint(cell: Cell, number: int, launch: Launch, none: np.floating) -> Callable:
    """The adjoint of a stage: of its function, then all wait; of its products; and their sums to where they belong."""
    share, found = launch.share, columns.pairs_back(cell, number)
    units, rows, slices, each = share.units, share.rows, share.slices, launch.threads // share.units
    pull = settling.build_pull(cell, number, share, launch.blocks == 1, none)
    hand_on = settling.build_hand_on(cell, number, share) if found or number == 0 else None
    add = columns.build_sums(_first(cell, number, share, columns.pairs_back), share)
    vector, count = columns.table([pair.vector for pair in found]), len(found)
    wait = _meet(launch, [(pair.vector, pair.vector, False) for pair in found], 0)

    def over_rows(work: Callable) -> Callable:
        @register_jitable
        def run(
            d, b0, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full, parts, w, sums,
            counters, domain, turn,
        ):  # fmt: skip
            u, r = thread() % units, thread() // units
            while r < rows:
                b = b0 + r
                if b < lengths.shape[0] and t < lengths[b]:
                    work(
                        d, b, r, u, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full,
                        parts,
                    )  # fmt: skip
                r += each

        return run

    @register_jitable
    def products(
        d, b0, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full, parts, w, sums,
        counters, domain, turn,
    ):  # fmt: skip
        wait(counters, domain, turn, d, b0, n, t, lengths, da, da, full)
        u, q = thread() % units, thread() // units // slices
        part = thread() // units - q * slices
        if q < count:
            for r in range(rows):
                sums[r] = none
            add(w, full[vector(q), part], sums)
            for r in range(rows):
                parts[q, part, r, u] = sums[r]
        barrier()

    behind = [over_rows(hand_on)] if hand_on is not None else []
    return chain(ADJOINT, [over_rows(pull), *[products] * bool(found), *behind])


def _begin(cell: Cell, launch: Launch) -> Callable:
    """begin(d, b0, first, s, old, full): the states before the first step, a thread's own and those to be multiplied."""
    share, wide, threads = launch.share, launch.units, launch.threads
    units, rows, states, each = share.units, share.rows, len(cell.state), launch.threads // share.units
    olds = [(o, place.row) for o, place in enumerate(columns.operands(cell)) if place.kind == "old"]
    fills = [_fill_old(o, row, share, wide, threads) for o, row in olds]
    fill = chain("d, b0, s, full", fills)

    @register_jitable
    def begin(d, b0, first, s, old, full):
        u, r = thread() % units, thread() // units
        while r < min(rows, s.shape[2] - b0):
            for i in range(states):
                old[r, i, u] = s[d, 0, b0 + r, i, first + u]
            r += each
        fill(d, b0, s, full)

    return begin


def _fill_old(operand: int, row: int, share: Share, wide: int, threads: int) -> Callable:
    rows, terms = share.rows, share.terms

    @register_jitable
    def fill(d, b0, s, full):
        k = thread()
        while k < wide:
            for r in range(rows):
                if b0 + r < s.shape[2]:
                    full[operand, k // terms, r, k % terms] = s[d, 0, b0 + r, row, k]
            k += threads

    return fill


def _meet(launch: Launch, vectors: list[tuple], shift: int) -> Callable:
    """meet(counters, domain, turn, d, b0, n, t, lengths, s, tape, full): wait for all that share the group, and see
    what they made. ``vectors``: (number in full, where it is, whether in ``tape``); others in s[d, n + shift]."""
    if launch.blocks == 1 or not vectors:

        @register_jitable
        def alone(counters, domain, turn, d, b0, n, t, lengths, s, tape, full):
            barrier()

        return alone
    blocks, wide, rows, threads = launch.blocks, launch.units, launch.rows, launch.threads
    places = [(o, where if isinstance(where, int) else where.row, of_tape) for o, where, of_tape in vectors]
    places = list(dict.fromkeys(places))
    collect = chain(
        "d, b, r, n, k, s, tape, full",
        [_collect(o, row, 0 if of_tape else shift, of_tape, launch.share.terms) for o, row, of_tape in places],
    )

    @register_jitable
    def meet(counters, domain, turn, d, b0, n, t, lengths, s, tape, full):
        turn[0] += blocks
        barrier()
        if thread() == 0:
            domain_barrier(counters, domain, turn[0])
        barrier()
        k = thread()
        while k < wide:
            for r in range(rows):
                if b0 + r < lengths.shape[0] and t < lengths[b0 + r]:
                    collect(d, b0 + r, r, n, k, s, tape, full)
            k += threads
        barrier()

    return meet


def _collect(operand: int, row: int, shift: int, of_tape: bool, terms: int) -> Callable:
    @register_jitable
    def collect(d, b, r, n, k, s, tape, full):
        value = tape[d, n, b, row, k] if of_tape else s[d, n + shift, b, row, k]
        full[operand, k // terms, r, k % terms] = value

    return collect


def _load(found: list[list[Pair]], share: Share) -> Callable:
    """load(w, M, d, first): the weights of this thread, of all stages."""
    loads, first, units, slices = [], 0, share.units, share.slices
    for stage in found:
        if stage:
            loads.append(columns.build_load(stage, first, share))
            first += share.terms
    every = chain("w, M, d, q, part, u", loads)

    @register_jitable
    def load(w, M, d, first):
        q = thread() // units // slices
        every(w, M, d, q, thread() // units - q * slices, first + thread() % units)

    return load


def _first(cell: Cell, number: int, share: Share, pairs: Callable) -> int:
    """Where a stage's weights begin."""
    return share.terms * sum(bool(pairs(cell, k)) for k in range(number))


def _weights(found: list[list[Pair]], share: Share) -> int:
    return max(1, share.terms * sum(map(bool, found)))


def _full(vectors: int, share: Share) -> tuple[int, ...]:
    return vectors, share.slices, share.rows, share.terms


def _parts(found: list[list[Pair]], share: Share) -> tuple[int, ...]:
    return max(1, *map(len, found)), share.slices, share.rows, share.units
