"""The scan for a team of several threads: lanes in turn between barriers give the bits of one thread.

A barrier is simulated by threads of the operating system that wait for one another.
"""

import threading

import numpy as np
import pytest

from refseq.checks.problem import draw
from refseq.linear import add_product_by_units
from refseq.scan import build_scan, time_index
from refseq.targets import Feed
from refseq.targets.base import ScanTarget
from refseq.team import ALONE, Team
from tests.variants import EVERY, label, layer


@pytest.mark.parametrize(("t", "length", "reverse", "time"), [(0, 5, False, 0), (0, 5, True, 4), (4, 5, True, 0)])
def test_the_reverse_direction_starts_at_the_end_of_the_row(t, length, reverse, time):
    assert time_index(t, length, reverse) == time


class Threads:
    """A team of threads: each knows its number, all meet at the barrier."""

    def __init__(self, size):
        self.number, self.meeting, self.size = threading.local(), threading.Barrier(size, timeout=20), size
        self.team = Team(lambda: self.number.lane, lambda: size, self.meeting.wait, add_product_by_units)

    def run(self, function, *arguments):
        def work(lane):
            self.number.lane = lane
            function(*arguments)

        workers = [threading.Thread(target=work, args=(lane,)) for lane in range(self.size)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


class Alone(ScanTarget):
    """A target that runs every loop with a given team, over all its pieces."""

    def __init__(self, team, run):
        self.team, self.call = team, run

    def _run(self, cell, jobs, results):
        scan = build_scan(cell, self.team)
        loops = {"forward": scan.forward_row, "backward": scan.backward_row, "gradient": scan.gradient_row}
        for job in jobs:
            for piece in range(job.pieces):
                self.call(loops[job.loop], piece, *job.arguments)


def everything(variant, team, run, reverse):
    """Forward, backward and gradient of two rows of three steps: every array that they write."""
    given = draw(layer(variant, bidirectional=True), "float64", 3, 2, padded=False)
    part, target = given.layer.parts[reverse], Alone(team, run)
    weights, sample = part.pack(given.params), np.zeros(1)
    masks = part.gather(part.cell.masks, given.masks, sample) if given.masks else np.zeros((3, 2, 0, part.wide))
    feed = Feed(given.x, masks, np.array([3, 2]), reverse)
    tape = target.forward(part.cell, weights, feed, part.gather(part.cell.state, given.state, sample))
    dy = np.ascontiguousarray(given.dy[:, :, : tape.y.shape[2]])
    pulled = target.backward(part.cell, weights, tape, dy, part.gather(part.cell.state, given.dstate, sample))
    grads = pulled.weights
    return [tape.s, tape.tape, tape.y, tape.final, pulled.s0, pulled.x, grads.p, *grads.matrices, *grads.biases]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("variant", EVERY, ids=label)
def test_a_team_computes_what_one_thread_computes(variant, reverse):
    threads = Threads(3)
    alone = everything(variant, ALONE, lambda function, *arguments: function(*arguments), reverse)
    shared = everything(variant, threads.team, threads.run, reverse)
    for one, several in zip(alone, shared, strict=True):
        assert np.isfinite(one).all()
        assert one.tobytes() == several.tobytes()
