"""The scan for a team of several threads: lanes in turn between barriers give the bits of one thread.

A barrier is simulated by threads of the operating system that wait for one another.
"""

import threading

import numpy as np
import pytest

import refseq
from refseq.checks.problem import draw
from refseq.scan import build_scan, time_index
from refseq.step import ALONE, Team

VARIANTS = [cell for recurrence in refseq.catalogue().values() for cell in recurrence.variants()]


@pytest.mark.parametrize(("t", "length", "reverse", "time"), [(0, 5, False, 0), (0, 5, True, 4), (4, 5, True, 0)])
def test_the_reverse_direction_starts_at_the_end_of_the_row(t, length, reverse, time):
    assert time_index(t, length, reverse) == time


class Threads:
    """A team of threads: each knows its number, all meet at the barrier."""

    def __init__(self, size):
        self.number, self.meeting, self.size = threading.local(), threading.Barrier(size, timeout=20), size
        self.team = Team(lambda: self.number.lane, lambda: size, self.meeting.wait)

    def run(self, function, *arguments):
        def work(lane):
            self.number.lane = lane
            function(*arguments)

        workers = [threading.Thread(target=work, args=(lane,)) for lane in range(self.size)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def everything(cell, team, run, reverse):
    """Forward, backward and gradient of one row of three steps: every array that they write."""
    problem = draw(refseq.layer(cell.name, 3, 5, **cell.options), "float64", 3, 2, padded=False)
    W, U = (np.ascontiguousarray(problem.params[name].transpose(2, 0, 1)) for name in ("W_hx", "W_hh"))
    p = np.array([problem.params[name] for name in cell.parameters]).reshape(len(cell.parameters), 5)
    lengths, scan, b = np.array([3, 2]), build_scan(cell, team), problem.params["b_h"]
    s = np.zeros((4, 2, len(cell.state), 5))
    s[0] = np.stack([problem.state[name][0] for name in cell.state], axis=1)
    tape, y, a = np.zeros((3, 2, cell.stored, 5)), np.zeros((3, 2, 5)), np.full((2, cell.values, 5), np.nan)
    ds, da, dx = s[0].copy(), np.zeros((3, 2, cell.values, 5)), np.zeros(problem.x.shape)
    dp, dv = np.zeros((2, *p.shape)), np.full((2, 5), np.nan)
    grads = [np.zeros(part.shape) for part in (W, U, b)]
    for row in range(2):
        run(scan.forward_row, row, W, U, b, p, problem.x, lengths, reverse, s, tape, y, a)
        run(scan.backward_row, row, W, U, p, lengths, reverse, s, tape, problem.dy, ds, da, dx, dp, dv)
    for k in range(3 + 5 + 1):
        run(scan.gradient_row, k, problem.x, lengths, reverse, s, tape, da, *grads)
    return [s, tape, y, ds, da, dx, dp, *grads]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", VARIANTS, ids=lambda cell: cell.label)
def test_a_team_computes_what_one_thread_computes(cell, reverse):
    threads = Threads(3)
    alone = everything(cell, ALONE, lambda function, *arguments: function(*arguments), reverse)
    shared = everything(cell, threads.team, threads.run, reverse)
    for one, several in zip(alone, shared, strict=True):
        assert np.isfinite(one).all()
        assert one.tobytes() == several.tobytes()
