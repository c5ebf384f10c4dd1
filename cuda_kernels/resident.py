"""The time loop with the weights of the recurrent matrices on chip: read once, then kept for all steps.

Versions, each with what it changes against ``cuda_kernels.scan``, which reads all weights again in every step:

    1  a block takes a group of ``rows`` rows of the batch and has all units; weights in registers, vectors that are
       multiplied in shared memory; threads of one block wait for one another, and for nobody else
    2  the units are shared by ``blocks`` blocks, which wait for one another once for
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

from cuda_kernels import columns, fragments, gpu, meeting, resident_steps, settling, tensor_cores, tensor_products
from cuda_kernels.columns import Launch, Pair
from cuda_kernels.gpu import barrier, device, thread
from cuda_kernels.meeting import build_begin
from cuda_kernels.opaque import here
from cuda_kernels.resident_steps import ADJOINT, STAGE, build_adjoint, build_stage
from cuda_kernels.tensor_products import products_of
from refseq.cell import Cell
from refseq.targets.digest import name_for_cache, source_digest
from refseq.team import chain


@dataclass(frozen=True)
class Loops:
    """The two kernels of a cell and a launch."""

    forward: Any
    backward: Any


@cache
def kernels(cell: Cell, dtype: str, launch: Launch) -> Loops:
    """The kernels, compiled on their first launch."""
    parts = (columns, fragments, meeting, resident_steps, settling, tensor_cores, tensor_products, gpu)
    names = (__name__, *(part.__name__ for part in parts))
    key = source_digest(cell, *(sys.modules[name] for name in names)) + repr(launch)
    options = {"cache": True, "launch_bounds": (launch.threads, 1)}
    made = [build(cell, dtype, launch, key) for build in (_forward, _backward)]
    for loop in made if launch.precision else []:
        loop.__dict__["capability"] = tensor_cores.CAPABILITY
    sizes = (launch.units, launch.rows, launch.threads, launch.blocks, launch.slices, launch.tiles)
    name = "_".join(map(str, (launch.precision or dtype, *sizes)))
    return Loops(*(gpu.jit(**options)(name_for_cache(loop, name, key)) for loop in made))


def _forward(cell: Cell, dtype: str, launch: Launch, key: str) -> Callable:
    number, share, layout = np.dtype(dtype).type, launch.share, cell.layout
    units, rows, blocks, kind = share.units, share.rows, launch.blocks, products_of(launch)
    found = [columns.pairs(cell, k) for k in range(len(cell.stages))]
    vectors, states = len(columns.operands(cell)), len(cell.state)
    full_shape, parts_shape = kind.full(max(vectors, 1), launch), _parts(found, launch)
    old_shape, kept_shape = (rows, states, units), (rows, max(layout.stored, 1), units)
    pre_shape, sum_count = (rows, len(layout.slots), units), kind.sums(launch)
    load, clear = kind.build_load(found, launch, number(0)), kind.build_clear(max(vectors, 1), launch, number(0))
    weights, kept_as = _weights(found, launch, number)
    steps = chain(STAGE, [build_stage(cell, k, launch, number(0)) for k in range(len(cell.stages))])
    begin = build_begin(cell, launch)

    # `key` is captured so that it is part of numba's cache key
    def forward(start, stop, M, bias, p, m, lengths, reverse, s, tape, y, a, counters):
        _ = key
        full = device.shared.array(full_shape, number)
        parts = device.shared.array(parts_shape, number)
        old = device.shared.array(old_shape, number)
        new = device.shared.array(old_shape, number)
        kept = device.shared.array(kept_shape, number)
        pre = device.shared.array(pre_shape, number)
        w = device.local.array(weights, kept_as)
        sums = device.local.array(sum_count, number)
        turn = device.local.array(1, np.uint32)
        turn[0] = 0
        member, group = device.blockIdx.x % blocks, device.blockIdx.x // blocks
        groups, first = device.gridDim.x // blocks, member * units
        domain = device.blockIdx.y * groups + group
        clear(full)
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
    units, rows, blocks, own_rows, kind = share.units, share.rows, launch.blocks, len(cell.own), products_of(launch)
    found = [columns.pairs_back(cell, k) for k in range(len(cell.stages))]
    slots, states = len(layout.slots), len(cell.state)
    full_shape, parts_shape, state_shape = kind.full(slots, launch), _parts(found, launch), (rows, states, units)
    cot_shape, own_shape = (rows, slots, units), (rows, max(own_rows, 1), units)
    vector_shape, sum_count = (rows, max(len(layout.vectors), 1), units), kind.sums(launch)
    load, clear = kind.build_load(found, launch, number(0)), kind.build_clear(slots, launch, number(0))
    weights, kept_as = _weights(found, launch, number)
    steps = chain(ADJOINT, [build_adjoint(cell, k, launch, number(0)) for k in reversed(range(len(cell.stages)))])
    each, place = launch.each, columns.build_own(launch)

    def backward(start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, da, dp, counters):
        _ = key
        full = device.shared.array(full_shape, number)
        parts = device.shared.array(parts_shape, number)
        after = device.shared.array(state_shape, number)
        before = device.shared.array(state_shape, number)
        dv = device.shared.array(vector_shape, number)
        cot = device.shared.array(cot_shape, number)
        own = device.shared.array(own_shape, number)
        w = device.local.array(weights, kept_as)
        sums = device.local.array(sum_count, number)
        turn = device.local.array(1, np.uint32)
        turn[0] = 0
        member, group = device.blockIdx.x % blocks, device.blockIdx.x // blocks
        groups, first = device.gridDim.x // blocks, member * units
        domain = device.blockIdx.y * groups + group
        clear(full)
        d = device.blockIdx.y
        while d < reverse.shape[0]:
            load(w, M, d, first)
            b0 = group * rows
            while b0 < lengths.shape[0]:
                u, r = place(here(thread()))
                while r < rows:
                    if b0 + r < lengths.shape[0]:
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
                u, r = place(here(thread()))
                while r < rows:
                    if b0 + r < lengths.shape[0]:
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


def _weights(found: list[list[Pair]], launch: Launch, number: type) -> tuple[int, type]:
    """How many weights a thread has, and as what: numbers, or registers of operands."""
    return max(1, products_of(launch).weights(found, launch)), np.uint32 if launch.precision else number


def _parts(found: list[list[Pair]], launch: Launch) -> tuple[int, ...]:
    return max(1, *map(len, found)), launch.slices, launch.rows, products_of(launch).part_width(launch)
