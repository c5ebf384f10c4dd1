"""How the blocks of ``cuda_kernels.resident`` see what others made: the states before the first step, and meetings.

Blocks that share the units of a group of rows are a domain: they wait for one another, and for no other block. What one
of them makes it stores in the arrays s, tape or da; behind the barrier every one of them reads the whole vector.
"""

from collections.abc import Callable

from numba.extending import register_jitable

from cuda_kernels import columns
from cuda_kernels.columns import Launch, Share
from cuda_kernels.gpu import barrier, domain_barrier, thread
from cuda_kernels.opaque import here
from refseq.cell import Cell
from refseq.team import chain


def build_begin(cell: Cell, launch: Launch) -> Callable:
    """begin(d, b0, first, s, old, full): the states before the first step, a thread's own and those that matrices are
    multiplied with."""
    share, wide, threads, own = launch.share, launch.units, launch.threads, columns.build_own(launch)
    rows, states, each = share.rows, len(cell.state), launch.each
    olds = [(o, place.row) for o, place in enumerate(columns.operands(cell)) if place.kind == "old"]
    fills = [_fill_old(o, row, share, wide, threads) for o, row in olds if not launch.direct]
    fill = chain("d, b0, s, full", fills)

    @register_jitable
    def begin(d, b0, first, s, old, full):
        u, r = own(here(thread()))
        while r < rows:
            if b0 + r < s.shape[2]:
                for i in range(states):
                    old[r, i, u] = s[d, 0, b0 + r, i, first + u]
            r += each
        fill(d, b0, s, full)

    return begin


def _fill_old(operand: int, row: int, share: Share, wide: int, threads: int) -> Callable:
    rows, terms = share.rows, share.terms

    @register_jitable
    def fill(d, b0, s, full):
        k = here(thread())
        while k < wide:
            for r in range(rows):
                if b0 + r < s.shape[2]:
                    full[operand, k // terms, r, k % terms] = s[d, 0, b0 + r, row, k]
            k += threads

    return fill


def build_meet(launch: Launch, vectors: list[tuple], shift: int) -> Callable:
    """meet(counters, domain, turn, d, b0, n, t, lengths, s, tape, full): wait for all that share the group, and see
    what they made, in ``full`` if it is not read where it is. ``vectors``: (number in full, where it is, whether in
    ``tape``); others in s[d, n + shift]."""
    if launch.blocks == 1 or not vectors:

        @register_jitable
        def alone(counters, domain, turn, d, b0, n, t, lengths, s, tape, full):
            barrier()

        return alone
    blocks, wide, rows, threads = launch.blocks, launch.units, launch.rows, launch.threads

    @register_jitable
    def wait(counters, domain, turn, d, b0, n, t, lengths, s, tape, full):
        turn[0] += blocks
        barrier()
        if thread() == 0:
            domain_barrier(counters, domain, turn[0])
        barrier()

    if launch.direct:
        return wait
    places = [(o, where if isinstance(where, int) else where.row, of_tape) for o, where, of_tape in vectors]
    places = list(dict.fromkeys(places))
    collect = chain(
        "d, b, r, n, k, s, tape, full",
        [_collect(o, row, 0 if of_tape else shift, of_tape, launch.share.terms) for o, row, of_tape in places],
    )

    @register_jitable
    def meet(counters, domain, turn, d, b0, n, t, lengths, s, tape, full):
        wait(counters, domain, turn, d, b0, n, t, lengths, s, tape, full)
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
