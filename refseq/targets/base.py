"""What every target does around the three loops of ``refseq.scan``: allocate, run, sum over rows in row order."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from refseq.arrays import zeros
from refseq.cell import Cell
from refseq.targets import Pulled, Tape, Weights


@dataclass(frozen=True)
class Kernels:
    """The three loops of one cell, each made for one target: rows b of forward and backward, rows k of dW, dU, db."""

    forward: Callable
    backward: Callable
    gradient: Callable


@dataclass(frozen=True)
class Job:
    """All pieces 0..pieces-1 of one loop of ``refseq.scan`` (a field of Kernels), with the arguments that follow the
    piece's number; ``work`` counts multiply-adds. Pieces are independent of one another."""

    loop: str
    pieces: int
    work: int
    arguments: tuple


class ScanTarget(ABC):
    """A target that runs the loops of ``refseq.scan``; a subclass says where."""

    @abstractmethod
    def _run(self, cell: Cell, jobs: Sequence[Job], results: tuple[np.ndarray, ...]) -> None:
        """Run the jobs one after another; ``results`` are those of their arguments that the caller will read."""

    def forward(
        self, cell: Cell, weights: Weights, x: np.ndarray, s0: np.ndarray, lengths: np.ndarray, reverse: bool
    ) -> Tape:
        """See ``Target.forward``."""
        steps, rows, _ = x.shape
        units = weights.U.shape[0]
        s = zeros((steps + 1, rows, len(cell.state), units), weights.W)
        s[0] = s0
        tape, y = zeros((steps, rows, cell.stored, units), s), zeros((steps, rows, units), s)
        scratch = zeros((rows, cell.values, units), s)
        arguments = (weights.W, weights.U, weights.b, weights.p, x, lengths, reverse, s, tape, y, scratch)
        if steps and rows:
            self._run(cell, [Job("forward", rows, steps * rows * weights.W.size, arguments)], (s, tape, y))
        return Tape(x, lengths, reverse, s, tape, y)

    def backward(self, cell: Cell, weights: Weights, tape: Tape, dy: np.ndarray, ds: np.ndarray) -> Pulled:
        """See ``Target.backward``."""
        steps, rows, inputs = tape.x.shape
        units = weights.U.shape[0]
        ds = ds.copy()
        da, dx = zeros((steps, rows, cell.values, units), weights.W), zeros(tape.x.shape, weights.W)
        dp, dv = zeros((rows, len(cell.parameters), units), weights.W), zeros((rows, units), weights.W)
        dW, dU, db = (zeros(part.shape, weights.W) for part in (weights.W, weights.U, weights.b))
        work = steps * rows * (weights.W.size + weights.U.size)
        common = (tape.lengths, tape.reverse, tape.s, tape.tape)
        back = (weights.W, weights.U, weights.p, *common, dy, ds, da, dx, dp, dv)
        jobs = [
            Job("backward", rows, work, back),
            Job("gradient", inputs + units + 1, work, (tape.x, *common, da, dW, dU, db)),
        ]
        if steps and rows:
            self._run(cell, jobs, (ds, dx, dp, dW, dU, db))
        total = zeros(weights.p.shape, weights.W)
        for row in dp:
            total = total + row
        return Pulled(Weights(dW, dU, db, total), dx, ds)
