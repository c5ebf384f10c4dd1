"""Threads that take turns between barriers: what forgets a barrier is seen in one of the two orders."""

import pytest

from refseq.mutation.lockstep import Lockstep


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
