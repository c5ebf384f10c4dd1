"""A step's instructions in shares of the units, for threads that work on the same rows.

Every instruction is about columns: the units of a gate, the entries of an operand's cotangent, the units of a stage. A
part has a range of them, the same for equal sizes, from one panel of the packed matrices to another. So what a part has
computed it may use at once; what others have computed it may use after a *phase*, at whose end all wait for all.

    forward     [products and their stage]  [products and their stage] ...
    backward    [stage]  [products and the stage before] ...  [products]
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from refseq.cell import Cell
from refseq.engine.job import ADD, INSTRUCTION, PRODUCT, STAGE, Instruction
from refseq.engine.plan import Sizes, plan
from refseq.engine.tile import WIDE

WORTH_WAITING = 16_000
"""Multiply-adds of a part in a phase below which waiting costs more than it saves."""
FEW_ROWS, WORTH_STREAMING_ONCE = 4, 1_000_000
"""Slices of so few rows read all weights for little work: from so many multiply-adds of a part in a phase on it is
better that each part reads its share of them."""


def shareable(cell: Cell) -> bool:
    """Whether a step of the cell can be shared: all its stages work unit by unit."""
    return all(stage.operation is None for stage in cell.stages)


def worth_sharing_steps(cell: Cell, sizes: Sizes, rows: int, parts: int) -> bool:
    """Whether the parts should share every step: there are not enough rows for each to have some of its own, and a
    phase is long beside the waiting at its end; or slices would be of few rows, and the weights are large."""
    blocks = [step.block for step in plan(cell).steps if step.block is not None and step.block.matrix is not None]
    entries = sum(sizes.inputs(block) * block.gates * sizes.units(block) for block in blocks)
    if not shareable(cell) or rows > FEW_ROWS * parts:
        return False
    least = WORTH_WAITING if rows < parts else WORTH_STREAMING_ONCE
    return rows * entries >= least * parts * len(cell.stages)


@dataclass(frozen=True)
class Shares:
    """``lines``: instructions, one share after another. ``spans``: of every phase and part, the first and how many."""

    lines: np.ndarray
    spans: np.ndarray


def shared(ahead: np.ndarray, steps: np.ndarray, parts: int, lanes: int, size: int) -> Shares:
    """Programs in shares of so many parts: phase 0 has the lines ``ahead``, the others those of a step; ``size``: bytes
    of a float. Raises ValueError for an instruction that works on whole vectors."""
    phases = [list(_lines(ahead)), *_phases(list(_lines(steps)), lanes)]
    lines: list[Instruction] = []
    spans: list[int] = []
    for phase in phases:
        for part in range(parts):
            mine = [share for line in phase if (share := _share(line, part, parts, lanes, size)) is not None]
            spans += [len(lines), len(mine)]
            lines += mine
    return Shares(np.array(lines, np.int64).reshape(-1), np.array(spans, np.int64))


def _lines(program: np.ndarray) -> Iterator[Instruction]:
    """The instructions of a table."""
    return map(Instruction._make, program.reshape(-1, len(INSTRUCTION)).tolist())


def _phases(lines: Sequence[Instruction], lanes: int) -> Iterable[list[Instruction]]:
    """A phase ends after a stage; and before it, where a product of the phase has other columns than the stage."""
    phases: list[list[Instruction]] = [[]]
    for line in lines:
        if line.does == STAGE and any(_vectors(other, lanes) != _vectors(line, lanes) for other in phases[-1]):
            phases.append([])
        phases[-1].append(line)
        if line.does == STAGE:
            phases.append([])
    return [phase for phase in phases if phase]


def _vectors(line: Instruction, lanes: int) -> int:
    """Vectors of columns that an instruction is about."""
    return line.vectors if line.does == PRODUCT else -(-line.count // lanes)


def _share(line: Instruction, part: int, parts: int, lanes: int, size: int) -> Instruction | None:
    """A part's share of an instruction; None if it has none."""
    if line.does not in (PRODUCT, ADD, STAGE):
        raise ValueError(f"line: expected an instruction about columns, got {line}")
    vectors = _vectors(line, lanes)
    panels = -(-vectors // WIDE)
    first, last = panels * part // parts * WIDE, min(panels * (part + 1) // parts * WIDE, vectors)
    if first >= last:
        return None
    if line.does == PRODUCT:
        address = line.address + first * line.count * lanes * size
        return line._replace(begin=first * lanes, vectors=last - first, address=address)
    return line._replace(begin=first * lanes, count=min(last * lanes, line.count) - first * lanes)
