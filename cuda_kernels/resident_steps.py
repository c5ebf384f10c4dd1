"""A time step of ``cuda_kernels.resident``, stage by stage, and its adjoint: products by all threads
(``scalar_products`` or ``tensor_products``), then the stage's function by a thread for each unit and row, then all
wait."""

from collections.abc import Callable

import numpy as np
from numba.extending import register_jitable

from cuda_kernels import columns, settling
from cuda_kernels.columns import Launch
from cuda_kernels.gpu import barrier, thread
from cuda_kernels.meeting import build_meet
from cuda_kernels.tensor_products import products_of
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
    rows, each, place = share.rows, launch.each, columns.build_own(launch)
    settle = settling.build_settle(cell, number, share, launch.blocks == 1, none)
    multiply = products_of(launch).build_forward(cell, number, launch, none)
    wait = build_meet(launch, [(o, place, place.kind == "tape") for o, place in settling.published(cell, number)], 1)

    @register_jitable
    def products(
        d, b0, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts, w, sums,
        counters, domain, turn,
    ):  # fmt: skip
        multiply(d, b0, t, n, first, bias, lengths, s, tape, a, full, parts, w, sums)
        barrier()

    @register_jitable
    def function(
        d, b0, t, n, first, bias, p, m, lengths, reverse, s, tape, y, a, old, new, kept, pre, full, parts, w, sums,
        counters, domain, turn,
    ):  # fmt: skip
        u, r = place(thread())
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
    rows, each, place = share.rows, launch.each, columns.build_own(launch)
    pull = settling.build_pull(cell, number, share, launch.blocks == 1, none)
    hand_on = settling.build_hand_on(cell, number, share) if found or number == 0 else None
    multiply = products_of(launch).build_backward(cell, number, launch, none)
    wait = build_meet(launch, [(pair.vector, pair.vector, False) for pair in found], 0)

    def over_rows(work: Callable) -> Callable:
        @register_jitable
        def run(
            d, b0, t, n, first, p, m, lengths, reverse, s, tape, dy, da, ds, d0, dv, cot, own, full, parts, w, sums,
            counters, domain, turn,
        ):  # fmt: skip
            u, r = place(thread())
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
        multiply(d, b0, n, lengths, da, full, parts, w, sums)
        barrier()

    behind = [over_rows(hand_on)] if hand_on is not None else []
    return chain(ADJOINT, [over_rows(pull), *[products] * bool(found), *behind])
