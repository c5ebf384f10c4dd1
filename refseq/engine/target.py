"""The target "cpu": layers on the engine, rows of the batch shared between threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from refseq.cell import Cell
from refseq.engine import direct, threads, vector
from refseq.engine.backward import backward
from refseq.engine.forward import forward
from refseq.engine.gradient import gradient
from refseq.engine.handing import drive
from refseq.engine.job import FIELD
from refseq.engine.plan import sums
from refseq.engine.prepare import prepare
from refseq.engine.results import cleared, result
from refseq.engine.setup import Rows, Setup, remembered, setup_of
from refseq.engine.workspace import Buffer, address
from refseq.targets import Arrays, Feed, Pulled, Recording, Tape, Weights

if TYPE_CHECKING:
    from refseq.networks.packing import Part


@dataclass(frozen=True)
class EngineTape(Tape):
    """What backward needs: the states before every piece of ``every`` steps (B, S, H), and the engine's own states and
    tape of all steps if there is one piece."""

    setup: Setup
    rows: Rows
    weights: Weights
    every: int
    checkpoints: tuple[np.ndarray, ...]
    kept: "Kept | None"

    def __reduce__(self) -> tuple:
        """As what it was made of, from which it is made again: the engine's memory stays where it is."""
        return CPU.forward, (self.setup.cell, self.weights, self.feed, self.checkpoints[0], self.every)


@dataclass(frozen=True)
class Tilts:
    """For every row of a batch: which gate of a matrix or row of a bias (``programs.gate_numbers``), which entry of its
    operand, which unit (B, 3), and how much is added there (B,). Gate -1: nothing. ``alike`` (B,): rows with equal
    numbers have the same x; where they are neighbours, its affine maps are taken once."""

    entries: np.ndarray
    sizes: np.ndarray
    alike: np.ndarray


@dataclass(frozen=True)
class Kept:
    """The states s (n+1, B, S, width) and the tape (n, B, N, width) of n steps, rows sorted."""

    memory: Buffer
    s: int
    tape: int


class EngineTarget:
    """Runs layers on this CPU's vector units."""

    name = "cpu"
    dtypes = ("float32", "float64")

    def missing(self) -> str | None:
        """None: a CPU is always there."""
        return None

    def describe(self) -> str:
        """Threads, and the width of the vectors."""
        return _described(threads.count())

    def direct(
        self, stack: "Sequence[Part]", params: Any, x: Any, state: Any, record: bool
    ) -> tuple[np.ndarray, Arrays, Recording | None] | None:
        """See ``refseq.targets.directly``: for plain runs of one part."""
        return direct.run(stack[0], params, x, state, record) if len(stack) == 1 else None

    def forward(
        self,
        cell: Cell,
        weights: Weights,
        feed: Feed,
        s0: np.ndarray,
        every: int | None = None,
        record: bool = True,
        tilts: "Tilts | None" = None,
    ) -> EngineTape:
        """See ``Target.forward``. ``tilts``: every row has a change of its own to one entry of a parameter; there is no
        backward then."""
        setup = setup_of(cell, weights, feed, s0.shape[-1])
        rows, steps = setup.rows_of(feed.lengths), setup.steps
        piece = max(steps, 1) if every is None else every
        starts = range(0, max(steps, 1), piece)
        whole = rows is setup.full
        y = (result if whole else cleared)((steps, setup.rows, setup.outputs), s0.dtype)
        state, checkpoints, kept, once = s0, [], None, record and len(starts) == 1
        run = _Forward(setup, rows, weights, feed, tilts)
        for start in starts:
            checkpoints.append(state)
            kept, state = run.piece(state, y, start, min(start + piece, steps), once)
        checkpoints = tuple(checkpoints) if record else ()
        return EngineTape(feed, y, state, setup, rows, weights, piece, checkpoints, kept if once else None)

    def backward(self, cell: Cell, weights: Weights, tape: Tape, dy: np.ndarray, ds: np.ndarray) -> Pulled:
        """See ``Target.backward``."""
        assert isinstance(tape, EngineTape)  # a run goes back where it ran
        setup, feed = tape.setup, tape.feed
        back = _Backward(setup, tape.rows, weights, feed, dy)
        again = _Forward(setup, tape.rows, weights, feed) if tape.kept is None else None
        for number in reversed(range(len(tape.checkpoints))):
            start = number * tape.every
            stop, kept = min(start + tape.every, setup.steps), tape.kept
            if again is not None:
                kept, _ = again.piece(tape.checkpoints[number], np.empty_like(tape.y), start, stop, True)
            assert kept is not None  # a run of one piece keeps it
            ds = back.piece(kept, ds, start, stop)
        return back.result(ds)


class _Forward:
    """A run, piece by piece: matrices are packed once."""

    def __init__(self, setup: Setup, rows: Rows, weights: Weights, feed: Feed, tilts: Tilts | None = None) -> None:
        self.setup, self.arrays = setup, (weights, feed, rows, tilts)
        if not setup.empty:
            self.job = setup.begin(setup.forward(rows, tilts is not None), rows, weights, feed)
            if tilts is not None:
                self.job.words[FIELD.tilts] = address(tilts.entries)
                self.job.words[FIELD.tilt_sizes] = address(tilts.sizes)
                self.job.words[FIELD.alike] = address(tilts.alike)
            threads.share(prepare(setup.dtype), setup.parts, self.job.where)

    def piece(self, s0: np.ndarray, y: np.ndarray, start: int, stop: int, keep: bool) -> tuple[Kept | None, np.ndarray]:
        """The steps start <= t < stop from the states s0: what backward needs if ``keep``, and the states after."""
        setup, steps = self.setup, stop - start
        if setup.empty:
            return Kept(Buffer(0), 0, 0), s0.copy()
        states = -(-(steps + 1 if keep else 2) * setup.rows * setup.state_row * setup.size // 64) * 64
        memory = Buffer(states + (steps if keep else 1) * setup.rows * setup.tape_row * setup.size)
        kept = Kept(memory, memory.address, memory.address + states)
        words, final = self.job.words, np.empty_like(s0)
        words[FIELD.s], words[FIELD.tape], words[FIELD.keep] = kept.s, kept.tape, keep
        words[FIELD.start], words[FIELD.stop] = start, stop
        words[FIELD.s0], words[FIELD.final], words[FIELD.y] = address(s0), address(final), address(y)
        drive(forward(setup.dtype), words, self.job.where, setup.sharing)
        return kept, final


class _Backward:
    """The adjoint of a run, piece by piece from the end."""

    def __init__(self, setup: Setup, rows: Rows, weights: Weights, feed: Feed, dy: np.ndarray) -> None:
        dtype = weights.matrices[0].dtype
        self.setup, self.arrays = setup, (weights, feed, rows, dy)
        self.rows = rows
        whole = rows is setup.full and not setup.empty
        self.dx = (result if whole else cleared)((setup.steps, setup.rows, setup.inputs), dtype)
        self.dp = np.zeros((setup.rows, setup.own, setup.width), dtype)
        self.matrices = [cleared(shape, dtype) for shape in setup.gradient_shapes]
        self.biases = tuple(np.zeros(bias.shape, dtype) for bias in weights.biases)
        named = (*self.matrices, *self.biases)
        self.more = [(named[to], np.zeros_like(named[to])) for to in sums(setup.cell).more]
        if setup.empty:
            return
        made = setup.backward(rows)
        targets = (*named, *(further for _, further in self.more))
        self.chunk, self.job = made.chunk, setup.begin(made, rows, weights, feed, targets)
        words = self.job.words
        words[FIELD.dy], words[FIELD.dx], words[FIELD.dp] = address(dy), address(self.dx), address(self.dp)
        threads.share(prepare(setup.dtype), setup.parts, self.job.where)

    def piece(self, kept: Kept, ds: np.ndarray, start: int, stop: int) -> np.ndarray:
        """The steps from ``stop`` back to ``start``: from the cotangent of the states after them to that before."""
        setup, before = self.setup, np.empty_like(ds)
        if setup.empty:
            return ds.copy()
        words, where = self.job.words, self.job.where
        words[FIELD.start], words[FIELD.stop] = start, stop
        words[FIELD.s], words[FIELD.tape] = kept.s, kept.tape
        words[FIELD.ds_in], words[FIELD.ds_out] = address(ds), address(before)
        edges = [*range(start, stop, self.chunk), stop]
        for begin, end in reversed(list(pairwise(edges))):
            drive(backward(setup.dtype), words, where, setup.sharing, begin, end)
            threads.share(gradient(setup.dtype), setup.parts, where, begin, end)
        return before

    def result(self, ds: np.ndarray) -> Pulled:
        """The cotangents in the caller's sizes."""
        setup = self.setup
        for target, further in self.more:
            np.add(target, further, out=target)
        pairs = zip(self.matrices, setup.sizes.matrices, strict=True)
        matrices = tuple(dM[..., :inputs].transpose(2, 0, 1) for dM, (inputs, _, _) in pairs)
        total = np.zeros((setup.own, setup.width), self.dx.dtype)
        if setup.own:  # numpy adds along the first axis one row after another
            total += self.dp[np.argsort(self.rows.order)].sum(axis=0)
        return Pulled(Weights(matrices, self.biases, total[:, : setup.wide]), self.dx, ds)


@cache
def _described(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}, {8 * vector.register_bytes()}-bit vectors"


def forget() -> None:
    """Make everything anew that is remembered of layers and shapes: for who changes what it depends on."""
    direct.plans.cache_clear()
    remembered.cache_clear()


CPU = EngineTarget()
