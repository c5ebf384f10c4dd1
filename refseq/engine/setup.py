"""What every run of one layer, one direction and one shape of batch has in common: kept, because small runs are short.

A setup holds the job of each direction with all that does not change from run to run, and the layout of one region of
memory for everything that the engine itself needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from refseq.arrays import name_of
from refseq.cell import Cell
from refseq.engine import threads, vector
from refseq.engine.backward import backward_share
from refseq.engine.forward import forward_share
from refseq.engine.job import FIELD
from refseq.engine.job_of import JobOf
from refseq.engine.plan import Sizes
from refseq.engine.products import BAND
from refseq.engine.programs import Packed, backward_programs, forward_programs
from refseq.engine.shares import shared, worth_sharing_steps
from refseq.engine.workspace import Buffer, address
from refseq.targets import Feed, Weights

ROWS_AHEAD, ROWS_BACK = 128, 256
"""Rows of a chunk of time in each direction: their pre-activations stay in the cache."""
ROWS_OF_A_SLICE = 128
"""Rows that go through time together at most: more would not find in the cache what the step before has left."""
WORTH_A_THREAD = 2_000_000
"""Multiply-adds below which a thread costs more, in lines that caches hand one another, than it saves."""
REMEMBERED, CHUNKS = 64, 4
"""Setups that are kept, and lengths of a chunk for which a setup keeps its jobs."""


@dataclass(frozen=True)
class Rows:
    """The rows of a batch in the engine's order: the caller's number of each, its length; first row of every slice."""

    order: np.ndarray
    lengths: np.ndarray
    bounds: np.ndarray

    @cached_property
    def largest(self) -> int:
        """Rows of the largest slice."""
        return int(np.diff(self.bounds).max(initial=1))


def sorted_rows(lengths: np.ndarray, slices: int) -> Rows:
    """Rows by falling length, in slices with about the same number of steps each."""
    order = np.argsort(-lengths, kind="stable")
    lengths = np.ascontiguousarray(lengths[order])
    total = np.concatenate([[0], np.cumsum(lengths)])
    inner = np.searchsorted(total, total[-1] * np.arange(1, slices) / max(slices, 1))
    return Rows(order, lengths, np.concatenate([[0], inner, [len(lengths)]]).astype(np.int64))


def setup_of(cell: Cell, weights: Weights, feed: Feed, wide: int) -> "Setup":
    """The setup of a run; ``wide``: entries of a row of its states."""
    shapes = tuple(matrix.shape for matrix in weights.matrices)
    strides = tuple(matrix.strides for matrix in weights.matrices)
    batch = (feed.x.shape, wide, feed.masks.shape[-1], feed.reverse)
    return remembered(cell, weights.matrices[0].dtype, shapes, strides, batch, threads.count())


class Setup:
    """See the module's text."""

    def __init__(
        self,
        cell: Cell,
        dtype: np.dtype,
        shapes: tuple[tuple[int, int, int], ...],
        strides: tuple[tuple[int, int, int], ...],
        batch: tuple[tuple[int, int, int], int, int, bool],
        workers: int,
    ) -> None:
        self.cell, self.dtype, self.size = cell, name_of(dtype), dtype.itemsize
        self.sizes = Sizes(shapes, self.dtype)
        self.strides = tuple(tuple(stride // self.size for stride in each) for each in strides)
        (self.steps, self.rows, self.inputs), self.wide, self.mask_size, self.reverse = batch
        self.empty = not (self.steps and self.rows)
        layout, self.width, self.threads = cell.layout, self.sizes.width, workers
        self.outputs = self.sizes.outputs(layout.measure(layout.size(cell.state[0])))
        work = self.steps * self.rows * sum(a * b * c for a, b, c in shapes)
        self.parts = max(1, min(workers, work // WORTH_A_THREAD))
        self.split = self.parts > 1 and worth_sharing_steps(cell, self.sizes, self.rows, self.parts)
        self.slices = 1 if self.split else max(1, min(self.parts, self.rows), -(-self.rows // ROWS_OF_A_SLICE))
        self.sharing = min(self.parts, self.slices)
        self.full = sorted_rows(np.full(self.rows, self.steps, np.int64), self.slices)
        self.own, self.masks = len(cell.own), len(cell.masks)
        self.numbers = self.own + len(cell.constants)
        self.state_row, self.tape_row = len(cell.state) * self.width, layout.stored * self.width
        self._forward, self._backward = map(lru_cache(CHUNKS), (self._made_forward, self._made_backward))
        self.gradient_shapes = [(gates, units, self.sizes.padded(inputs)) for inputs, gates, units in shapes]

    def rows_of(self, lengths: np.ndarray) -> Rows:
        """The rows of a batch of these lengths."""
        if (lengths == self.steps).all():
            return self.full
        return sorted_rows(lengths, self.slices)

    def begin(
        self, job: JobOf, rows: Rows, weights: Weights, feed: Feed, targets: Sequence[np.ndarray] = ()
    ) -> "Begun":
        """A job for these rows and arrays, and its memory. Both must outlive its use, and so must the arrays."""
        memory, words = Buffer(job.region.bytes), job.words(sum(map(len, (weights.matrices, weights.biases, targets))))
        job.region.place(words, memory.address)
        where = address(words)
        parameters = [address(matrix.transpose(1, 2, 0)) for matrix in weights.matrices]
        parameters += map(address, weights.biases)
        words[FIELD.matrices] = where + 8 * len(FIELD)
        words[FIELD.biases] = words[FIELD.matrices] + 8 * len(weights.matrices)
        words[FIELD.targets] = words[FIELD.biases] + 8 * len(weights.biases)
        words[len(FIELD) :] = [*parameters, *map(address, targets)]
        words[FIELD.x] = address(feed.x)
        if self.masks:
            words[FIELD.m] = address(feed.masks)
        if self.numbers:
            words[FIELD.p] = address(weights.p)
        if rows is not self.full:
            words[FIELD.order], words[FIELD.lengths] = address(rows.order), address(rows.lengths)
            words[FIELD.bounds] = address(rows.bounds)
        return Begun(words, where, memory, job)

    def forward(self, rows: Rows, tilted: bool = False) -> JobOf:
        """The job of the forward direction for these rows; ``tilted``: rows may differ in a parameter."""
        return self._forward(self._chunk(ROWS_AHEAD, rows), tilted)

    def backward(self, rows: Rows) -> JobOf:
        """The job of the other direction for these rows."""
        return self._backward(self._chunk(ROWS_BACK, rows))

    def _chunk(self, wanted: int, rows: Rows) -> int:
        return max(1, min(self.steps, -(-wanted // max(rows.largest, 1))))

    def _made_forward(self, chunk: int, tilted: bool) -> JobOf:
        split = self.split and not tilted
        programs = dict(forward_programs(self.cell, self.sizes, tilted, split))
        if split:
            programs |= self._shares(programs["ahead"], programs["program"])
        share: dict[str, Any] = {"share": forward_share(self.dtype).address} if split else {}
        return JobOf(self, chunk, programs, Packed(self.cell, self.sizes, turned=False, apart=split), {}, share)

    def _made_backward(self, chunk: int) -> JobOf:
        rows = chunk * self.rows
        sides = {"side_left": rows * BAND, "side_right": rows * max(shape[2] for shape in self.gradient_shapes)}
        more = {
            "ds": self.rows * self.state_row,
            "d0": self.rows * self.state_row,
            "dv": self.rows * len(self.cell.layout.vectors) * self.width,
            "dx_rows": rows * self.sizes.padded(self.inputs),
            "left": self.parts * sides["side_left"],
            "right": self.parts * sides["side_right"],
        }
        words: dict[str, Any]
        programs, words = dict(backward_programs(self.cell, self.sizes)), sides | {"keep": 1}
        if self.split:
            programs |= self._shares(programs["after"], programs["back"])
            words["share"] = backward_share(self.dtype).address
        return JobOf(self, chunk, programs, Packed(self.cell, self.sizes, turned=True), more, words)

    def _shares(self, ahead: np.ndarray, steps: np.ndarray) -> dict[str, np.ndarray]:
        """A direction's programs in shares."""
        made = shared(ahead, steps, self.parts, vector.lanes(self.dtype), self.size)
        return {"shares": made.lines, "spans": made.spans}


@dataclass(frozen=True)
class Begun:
    """A job that is ready: its words, their address, the engine's memory, and the job that owns the programs."""

    words: np.ndarray
    where: int
    memory: Buffer
    job: JobOf


remembered = lru_cache(maxsize=REMEMBERED)(Setup)
"""The setup of these arguments, made once."""
