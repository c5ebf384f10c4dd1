"""A time step of ``cuda_kernels.resident``, stage by stage, and its adjoint: products by all threads, then the stage's
function by a thread for each unit and row, then all wait."""

from collections.abc import Callable

import numpy as np
from numba.extending import register_jitable

from cuda_kernels import columns, settling
from cuda_kernels.columns import Launch, Pair, Share
from cuda_kernels.gpu import barrier, thread
from cuda_kernels.meeting import build_meet
from refseq.cell import Cell
from refseq.team import chain

STAGE = (
    "d, b0, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts, w, sums, "
    "counters, domain, turn"
)
ADJOINT = (
    "d, b0, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full, parts, w, sums, "
    "counters, domain, turn"
)


def build_stage(cell: Cell, number: int, launch: Launch, none: np.floating) -> Callable:
    """A stage: the sums of its products, then its function for every unit; then all wait."""
    share, found = launch.share, columns.pairs(cell, number)
    units, rows, slices, each = share.units, share.rows, share.slices, launch.threads // share.units
    settle = settling.build_settle(cell, number, share, launch.blocks == 1, none)
    add = columns.build_sums(_first(cell, number, share, columns.pairs), share)
    ahead, biases = columns.starts(cell, number, found)
    vector, slot = columns.table([pair.vector for pair in found]), columns.table(ahead)
    base, count = columns.build_base(biases, none), len(found)
    wait = build_meet(launch, [(o, place, place.kind == "tape") for o, place in settling.published(cell, number)], 1)

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


def build_adjoint(cell: Cell, number: int, launch: Launch, none: np.floating) -> Callable:
    """The adjoint of a stage: of its function, then all wait; of its products; and their sums to where they belong."""
    share, found = launch.share, columns.pairs_back(cell, number)
    units, rows, slices, each = share.units, share.rows, share.slices, launch.threads // share.units
    pull = settling.build_pull(cell, number, share, launch.blocks == 1, none)
    hand_on = settling.build_hand_on(cell, number, share) if found or number == 0 else None
    add = columns.build_sums(_first(cell, number, share, columns.pairs_back), share)
    vector, count = columns.table([pair.vector for pair in found]), len(found)
    wait = build_meet(launch, [(pair.vector, pair.vector, False) for pair in found], 0)

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


def build_load(found: list[list[Pair]], share: Share) -> Callable:
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
