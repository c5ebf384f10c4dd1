"""Threads that take turns between barriers: what forgets a barrier is seen in one of the two orders."""

import numpy as np
import pytest

from refseq.mutation.lockstep import Lockstep, lockstep
from refseq.rowwise import run_rows


def shifted(team, with_barrier):
    """Every thread writes its number, then reads that of the next one."""

    def run(written, read):
        lane, lanes = team.index(), team.size()
        written[lane] = lane + 1
        if with_barrier:
            team.barrier()
        read[lane] = written[(lane + 1) % lanes]

    return run


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0), (0,)])
@pytest.mark.parametrize("with_barrier", [True, False])
def test_a_forgotten_barrier_is_seen(order, with_barrier):
    made, lanes = Lockstep(order), len(order)
    written, read = [0] * lanes, [0] * lanes
    made.together(shifted(made.team, with_barrier))(written, read)
    assert written == list(range(1, lanes + 1))
    assert (read == [*range(2, lanes + 1), 1]) == (with_barrier or lanes == 1)


def build_shifted(with_barrier, team):
    """The same as a function of a row of a batch."""
    shift = shifted(team, with_barrier)

    def row(b, written, read):
        shift(written[b], read[b])

    return row


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("with_barrier", [True, False])
def test_rows_of_systems_are_run_in_lockstep(order, with_barrier):
    written, read = np.full((3, 2), 0, object), np.full((3, 2), 0, object)
    with lockstep(order):
        run_rows(build_shifted, (with_barrier,), 3, [], [written, read], target="reference")
    assert [row.tolist() == [2, 1] for row in read] == [with_barrier] * 3


def test_threads_may_wait_unequally_often():
    made, done = Lockstep((1, 0)), []

    def run():
        for _ in range(3 * made.team.index()):
            made.team.barrier()
        done.append(made.team.index())

    made.together(run)()
    assert done == [0, 1]


def test_an_error_in_a_thread_is_raised():
    made = Lockstep((0, 1))

    def run():
        made.team.barrier()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        made.together(run)()
