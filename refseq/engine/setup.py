"""What every run of one layer, one direction and one shape of batch has in common: kept, because small runs are short.

A setup holds the job of each direction with all that does not change from run to run, and the layout of one region of
memory for everything that the engine itself needs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from refseq.cell import Cell
from refseq.engine import threads, vector
from refseq.engine.backward import backward_share
from refseq.engine.forward import forward_share
from refseq.engine.job import FIELD, FILL, GRADIENT, INSTRUCTION, PACK, SUM, Job
from refseq.engine.plan import Sizes
from refseq.engine.products import BAND, products
from refseq.engine.programs import Packed, backward_programs, forward_programs, table
from refseq.engine.shares import shared, worth_sharing_steps
from refseq.engine.workspace import Buffer, address
from refseq.targets import Feed, Weights

ROWS_AHEAD, ROWS_BACK = 128, 256
"""Rows of a chunk of time in each direction: their pre-activations stay in the cache."""
ROWS_OF_A_SLICE = 128
"""Rows that go through time together at most: more would not find in the cache what the step before has left."""
WORTH_A_THREAD = 500_000
"""Multiply-adds below which waking a thread costs more than it saves."""
REMEMBERED, CHUNKS = 64, 4
"""Setups that are kept, and lengths of a chunk for which a setup keeps its jobs."""
ALIGNMENT = 64


class Region:
    """Several arrays in one piece of memory: where each is, and how many bytes it has."""

    def __init__(self, entries: Mapping[str, int], size: int) -> None:
        self.offsets: dict[str, int] = {}
        total = 0
        for name, count in entries.items():
            self.offsets[name] = total
            total += -(-count * size // ALIGNMENT) * ALIGNMENT
        self.bytes = total
        fields = [name for name in entries if name in Job._fields]
        self._fields = [getattr(FIELD, name) for name in fields]
        self._places = np.array([self.offsets[name] for name in fields], np.int64)

    def place(self, words: np.ndarray, base: int) -> None:
        """Point a job's fields of these names to the arrays of a region at this address."""
        words[self._fields] = self._places + base


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
        self.cell, self.dtype, self.size = cell, str(dtype), dtype.itemsize
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
        self, job: "JobOf", rows: Rows, weights: Weights, feed: Feed, targets: Sequence[np.ndarray] = ()
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

    def forward(self, rows: Rows, tilted: bool = False) -> "JobOf":
        """The job of the forward direction for these rows; ``tilted``: rows may differ in a parameter."""
        return self._forward(self._chunk(ROWS_AHEAD, rows), tilted)

    def backward(self, rows: Rows) -> "JobOf":
        """The job of the other direction for these rows."""
        return self._backward(self._chunk(ROWS_BACK, rows))

    def _chunk(self, wanted: int, rows: Rows) -> int:
        return max(1, min(self.steps, -(-wanted // max(rows.largest, 1))))

    def _made_forward(self, chunk: int, tilted: bool) -> "JobOf":
        split = self.split and not tilted
        programs = dict(forward_programs(self.cell, self.sizes, tilted, split))
        if split:
            programs |= self._shares(programs["ahead"], programs["program"])
        share: dict[str, Any] = {"share": forward_share(self.dtype).address} if split else {}
        return JobOf(self, chunk, programs, Packed(self.cell, self.sizes, turned=False, apart=split), {}, share)

    def _made_backward(self, chunk: int) -> "JobOf":
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
    job: "JobOf"


class JobOf:
    """The job of one direction with all that does not change from run to run, and the region that it needs."""

    def __init__(
        self,
        setup: Setup,
        chunk: int,
        programs: Mapping[str, np.ndarray],
        packed: Packed,
        more: Mapping[str, int],
        words: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        layout, rows, self.chunk = setup.cell.layout, chunk * setup.rows, chunk
        self._programs = {**programs, "packs": table(packed.program(setup.strides))}
        made = products(setup.dtype)
        fields = dict.fromkeys(Job._fields, 0) | {
            "size": setup.size,
            "rows": setup.rows,
            "width": setup.width,
            "wide": setup.wide,
            "inputs": setup.inputs,
            "padded_inputs": setup.sizes.padded(setup.inputs),
            "outputs": setup.outputs,
            "mask_size": setup.mask_size,
            "slots": len(layout.slots),
            "states": len(setup.cell.state),
            "stored": layout.stored,
            "vectors": len(layout.vectors),
            "masks": setup.masks,
            "own": setup.own,
            "numbers": setup.numbers,
            "steps": setup.steps,
            "reverse": int(setup.reverse),
            "slices": setup.slices,
            "parts": setup.parts,
            "chunk": chunk,
            "order": address(setup.full.order),
            "lengths": address(setup.full.lengths),
            "bounds": address(setup.full.bounds),
            "product": made.add_product.address,
            "turned": made.add_turned.address,
            **words,
        }
        lines = {"fills": FILL, "packs": PACK, "gradients": GRADIENT, "sums": SUM}
        for name, program in self._programs.items():
            fields[name] = address(program)
            if f"{name}_count" in fields:
                fields[f"{name}_count"] = len(program) // len(lines.get(name, INSTRUCTION))
        if "spans" in self._programs:
            fields["phases"] = len(self._programs["spans"]) // (2 * setup.parts) - 1  # the first is no phase of a step
        self._words = table(Job(**fields))
        region = {
            "packed": packed.bytes // setup.size,
            "bias": len(layout.slots) * setup.width,
            "p_rows": setup.numbers * setup.width,
            "a": rows * len(layout.slots) * setup.width,
            "x_rows": rows * setup.inputs,
            "m_rows": rows * setup.masks * setup.width,
            **more,
        }
        self.region = Region(region, setup.size)

    def words(self, more: int) -> np.ndarray:
        """The job's words, with room for ``more`` behind them."""
        words = np.empty(len(FIELD) + more, np.int64)
        words[: len(FIELD)] = self._words
        return words


remembered = lru_cache(maxsize=REMEMBERED)(Setup)
"""The setup of these arguments, made once."""
