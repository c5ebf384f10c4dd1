"""What every target does around the three loops of ``refseq.scan``: allocate, run, sum over rows in row order.

With checkpoints (``every``), forward keeps the states before each piece of time and throws the rest away; backward
takes the pieces from the last to the first and runs each forward again. The same operations in the same order: the
results are bitwise those of one piece. A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed., SIAM 2008, chapter 12.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from refseq.arrays import zeros
from refseq.cell import Cell
from refseq.targets import Feed, Pulled, Tape, Weights


@dataclass(frozen=True)
class Kernels:
    """The three loops of one cell, each made for one target: rows b of forward and backward, rows k of the gradients of
    matrices and biases."""

    forward: Callable
    backward: Callable
    gradient: Callable


@dataclass(frozen=True)
class ScanTape(Tape):
    """The states before every piece of ``every`` steps (B, S, H); states s (T+1, B, S, H) and tape (T, B, N, H) if
    there is one piece, else None."""

    every: int
    checkpoints: tuple[np.ndarray, ...]
    s: np.ndarray | None
    tape: np.ndarray | None


@dataclass(frozen=True)
class Job:
    """All pieces 0..pieces-1 of one loop of ``refseq.scan`` (a field of Kernels), with the arguments that follow the
    piece's number. Pieces are independent of one another."""

    loop: str
    pieces: int
    arguments: tuple


class ScanTarget(ABC):
    """A target that runs the loops of ``refseq.scan``; a subclass says where."""

    @abstractmethod
    def _run(self, cell: Cell, jobs: Sequence[Job], results: tuple[np.ndarray, ...]) -> None:
        """Run the jobs one after another; ``results`` are those of their arguments that the caller will read, the first
        of them with as many columns as the longest vector."""

    def forward(
        self, cell: Cell, weights: Weights, feed: Feed, s0: np.ndarray, every: int | None = None, record: bool = True
    ) -> ScanTape:
        """See ``Target.forward``."""
        weights = operand_major(weights)
        steps, rows, _ = feed.x.shape
        piece = max(steps, 1) if every is None else every
        y = zeros((steps, rows, output_size(cell, weights)), weights.matrices[0])
        checkpoints, state, s, tape = [], s0, None, None
        for start in range(0, max(steps, 1), piece):
            checkpoints.append(state)
            job, s, tape = _forward_job(cell, weights, feed, state, y, start, min(start + piece, steps))
            if steps and rows:
                self._run(cell, [job], (s, tape, y))
            state = _states_after(s, feed.lengths, start)
        if len(checkpoints) > 1 or not record:
            s = tape = None
        return ScanTape(feed, y, state, piece, tuple(checkpoints), s, tape)

    def backward(self, cell: Cell, weights: Weights, tape: Tape, dy: np.ndarray, ds: np.ndarray) -> Pulled:
        """See ``Target.backward``."""
        assert isinstance(tape, ScanTape)  # a run goes back where it ran
        weights = operand_major(weights)
        feed, (rows, _, width), like = tape.feed, ds.shape, weights.matrices[0]
        ds, d0, dv = ds.copy(), zeros(ds.shape, like), zeros((rows, len(cell.layout.vectors), width), like)
        x = _rows(feed.x)
        dx, dp = zeros(x.shape, like), zeros((rows, len(cell.own), width), like)
        dM, db = (tuple(zeros(part.shape, like) for part in parts) for parts in (weights.matrices, weights.biases))
        for number in reversed(range(len(tape.checkpoints))):
            start = number * tape.every
            stop = min(start + tape.every, len(feed.x))
            again, s, kept = [], tape.s, tape.tape
            if s is None or kept is None:
                job, s, kept = _forward_job(
                    cell, weights, feed, tape.checkpoints[number], zeros(tape.y.shape, like), start, stop
                )
                again = [job]
            da = zeros((stop - start, rows, len(cell.layout.slots), width), like)
            back = (weights.matrices, weights.p, feed.masks, feed.lengths, feed.reverse, s, kept)
            jobs = [
                *again,
                Job("backward", rows, (start, stop, *back, dy, ds, d0, dv, da, dx, dp)),
                Job(
                    "gradient",
                    sum(len(matrix) for matrix in dM) + len(db),
                    (start, stop, x, feed.lengths, feed.reverse, s, kept, da, dM, db),
                ),
            ]
            if len(feed.x) and rows:
                self._run(cell, jobs, (ds, dx, dp, *dM, *db))
        total = zeros(dp.shape[1:], like)
        for row in dp:
            total = total + row
        return Pulled(Weights(dM, db, total), dx.reshape(feed.x.shape), ds)


def operand_major(weights: Weights) -> Weights:
    """The weights with matrices in the order in which the scan reads them."""
    return replace(weights, matrices=tuple(np.ascontiguousarray(matrix) for matrix in weights.matrices))


def _rows(x: np.ndarray) -> np.ndarray:
    """x (T, B, K) as (T, B, 1, K), one row for each step like every other vector."""
    steps, rows, size = x.shape
    return x.reshape(steps, rows, 1, size)


def output_size(cell: Cell, weights: Weights) -> int:
    """Entries of an output: of the first state."""
    number, axis = cell.layout.measure(cell.layout.size(cell.state[0]))
    return weights.matrices[number].shape[axis]


def _forward_job(
    cell: Cell, weights: Weights, feed: Feed, state: np.ndarray, y: np.ndarray, start: int, stop: int
) -> tuple[Job, np.ndarray, np.ndarray]:
    """The forward loop over a piece of time, and its states and tape."""
    (rows, states, width), like = state.shape, weights.matrices[0]
    s = zeros((stop - start + 1, rows, states, width), like)
    tape = zeros((stop - start, rows, cell.layout.stored, width), like)
    s[0] = state
    scratch = zeros((rows, len(cell.layout.slots), width), like)
    parameters = (weights.matrices, weights.biases, weights.p)
    arguments = (start, stop, *parameters, feed.masks, _rows(feed.x), feed.lengths, feed.reverse, s, tape, y, scratch)
    return Job("forward", rows, arguments), s, tape


def _states_after(s: np.ndarray, lengths: np.ndarray, start: int) -> np.ndarray:
    """The states at the end of a piece that began at ``start``: each row's last, where it ended before."""
    return s[np.clip(lengths - start, 0, len(s) - 1), np.arange(len(lengths))]
