"""The tables of a tree's run: jobs of the cell's parts, which depend on sizes alone and are kept, and their memory."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from refseq.arrays import name_of
from refseq.cell import Cell
from refseq.engine.job import FIELD, FILL, GRADIENT, INSTRUCTION, PACK, SUM, Job
from refseq.engine.plan import Sizes, plan
from refseq.engine.products import BAND
from refseq.engine.programs import Packed, backward_programs, forward_programs, table
from refseq.engine.workspace import Buffer, address
from refseq.targets import Weights

REMEMBERED = 64
"""Jobs that are kept."""
ALIGNMENT = 64
CACHE = 1 << 19
"""Bytes of scratch that a thread works on at a time."""
FEWEST, MOST = 64, 1024
"""Rows of that: a matrix is read once for all of them."""
LINES = {"fills": FILL, "packs": PACK, "gradients": GRADIENT, "sums": SUM}


class PartJob:
    """The job of one part of a cell in one direction (``turned``: backward), without memory and parameters."""

    def __init__(self, cell: Cell, sizes: Sizes, strides: tuple[tuple[int, ...], ...], turned: bool) -> None:
        packed, layout = Packed(cell, sizes, turned=turned), cell.layout
        programs = backward_programs(cell, sizes) if turned else forward_programs(cell, sizes)
        self._programs = {**programs, "packs": table(packed.program(strides))}
        self.size, numbers = np.dtype(sizes.dtype).itemsize, len(cell.own) + len(cell.constants)
        inputs = [sizes.inputs(block) for block in plan(cell).ahead]
        fields = dict.fromkeys(Job._fields, 0) | {
            "size": self.size,
            "width": sizes.width,
            "padded_inputs": sizes.padded(max(inputs, default=0)),
            "slots": len(layout.slots),
            "states": len(cell.state),
            "stored": layout.stored,
            "vectors": len(layout.vectors),
            "numbers": numbers,
            "parts": 1,
        }
        for name, program in self._programs.items():
            fields |= {name: address(program), f"{name}_count": len(program) // len(LINES.get(name, INSTRUCTION))}
        self._words = table(Job(**fields))
        self.fixed = {
            "packed": packed.bytes // self.size,
            "bias": len(layout.slots) * sizes.width,
            "p_rows": numbers * sizes.width,
        }

    def begin(self, weights: Weights, targets: Sequence[np.ndarray] = ()) -> np.ndarray:
        """The words of a run with these parameters, and tables of addresses behind them."""
        matrices, biases = [matrix.transpose(1, 2, 0) for matrix in weights.matrices], weights.biases
        further = [address(array) for array in (*matrices, *biases, *targets)]
        words = np.concatenate([self._words, np.array(further, np.int64)])
        words[FIELD.matrices] = address(words) + 8 * len(FIELD)
        words[FIELD.biases] = words[FIELD.matrices] + 8 * len(matrices)
        words[FIELD.targets] = words[FIELD.biases] + 8 * len(biases)
        words[FIELD.wide] = weights.p.shape[1]
        if weights.p.size:
            words[FIELD.p] = address(weights.p)
        return words


@lru_cache(REMEMBERED)
def part_job(cell: Cell, sizes: Sizes, strides: tuple[tuple[int, ...], ...], turned: bool) -> PartJob:
    """The job of a part; ``strides`` of its matrices (K, G, H), in entries."""
    return PartJob(cell, sizes, strides, turned)


def begun(cell: Cell, weights: Weights, turned: bool, targets: Sequence[np.ndarray] = ()) -> tuple[PartJob, np.ndarray]:
    """The job of a part for these parameters, and its words."""
    size = weights.matrices[0].itemsize
    strides = tuple(tuple(stride // size for stride in matrix.strides) for matrix in weights.matrices)
    job = part_job(cell, sizes_of(weights), strides, turned)
    return job, job.begin(weights, targets)


def sizes_of(weights: Weights) -> Sizes:
    """The sizes of a part."""
    return Sizes(tuple(matrix.shape for matrix in weights.matrices), name_of(weights.matrices[0].dtype))


def entries_of_a_node(cell: Any, sizes: Sizes) -> int:
    """Entries of scratch that a node needs, with one edge."""
    parts = ((part.layout, len(part.olds)) for part in cell.parts)
    rows = sum(len(layout.slots) + len(layout.vectors) + 3 * olds for layout, olds in parts)
    return rows * sizes.width + 2 * sizes.padded(max(shape[0] for shape in sizes.matrices))


def rows_at_a_time(cell: Any, sizes: Sizes) -> int:
    """Nodes of a piece for each thread."""
    bytes_of_a_node = entries_of_a_node(cell, sizes) * np.dtype(sizes.dtype).itemsize
    return max(FEWEST, min(MOST, CACHE // bytes_of_a_node))


class Memory:
    """Arrays of one run in one buffer: first each is wanted, for a field of a table, then all are placed."""

    def __init__(self, size: int) -> None:
        self._size, self._wanted, self._total = size, [], 0

    def want(self, words: np.ndarray, field: int, entries: int) -> None:
        """Room for so many floats, whose address this field of a table will have."""
        self._wanted.append((words, field, self._total))
        self._total += -(-entries * self._size // ALIGNMENT) * ALIGNMENT

    def place(self) -> Buffer:
        """The buffer, which must outlive the use of the tables."""
        buffer = Buffer(self._total)
        for words, field, offset in self._wanted:
            words[field] = buffer.address + offset
        return buffer


def want_sides(memory: Memory, words: np.ndarray, sizes: Sizes, rows: int, parts: int) -> None:
    """Room for the packed operands of the gradients of so many rows, for every part."""
    inputs = max(sizes.padded(shape[0]) for shape in sizes.matrices)
    words[FIELD.side_left], words[FIELD.side_right] = rows * BAND, rows * inputs
    memory.want(words, FIELD.left, parts * rows * BAND)
    memory.want(words, FIELD.right, parts * rows * inputs)
