"""The programs of a cell at its sizes, as tables for the drivers: see ``refseq.engine.job``.

Packed blocks lie in one region, in the order of ``plan(cell).blocks``: for the forward direction K rows of the gates'
columns; transposed for the other direction, the gates' rows of K columns.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

import numpy as np

from refseq.cell import Cell
from refseq.engine import vector
from refseq.engine.job import ADD, ONE, PRODUCT, STAGE, TILT
from refseq.engine.plan import Block, Sizes, Step, plan, sums
from refseq.engine.stages import stage_functions

ALIGNMENT = 64


def table(words: Iterable[int]) -> np.ndarray:
    """Integers as the drivers read them."""
    return np.array(list(words), np.int64)


class Packed:
    """Where each block is in the region of packed blocks, in bytes; ``turned``: transposed; ``apart``: every gate by
    itself, so that a range of its units is a range of whole panels."""

    def __init__(self, cell: Cell, sizes: Sizes, turned: bool, apart: bool = False) -> None:
        self.sizes, self.turned, self.apart, self.at = sizes, turned, apart, {}
        self._size, total = vector.size(sizes.dtype), 0
        for block in plan(cell).blocks:
            self.at[block] = total
            total += -(-block.gates * self._bytes(block) // ALIGNMENT) * ALIGNMENT
        self.bytes = total

    def column(self, block: Block) -> int:
        """Columns of a gate, forward: where several gates lie side by side, each fills a row of the engine's arrays."""
        return self.sizes.width if block.gates > 1 and not self.apart else self.sizes.padded(self.sizes.units(block))

    def together(self, block: Block) -> bool:
        """Whether the gates of a block are one matrix: the rows of a transposed block's follow without a gap."""
        if not self.turned:
            return not self.apart
        return block.gates == 1 or self.sizes.units(block) == self.sizes.width

    def groups(self, block: Block) -> list[tuple[int, int, int]]:
        """What is one matrix: its first gate, how many, and where it is."""
        whole = block.gates if self.together(block) else 1
        return [(gate, whole, self.at[block] + gate * self._bytes(block)) for gate in range(0, block.gates, whole)]

    def _bytes(self, block: Block) -> int:
        """Of one gate."""
        inputs, outputs = self.sizes.inputs(block), self.sizes.units(block)
        return self._size * (outputs * self.sizes.padded(inputs) if self.turned else inputs * self.column(block))

    def program(self, strides: tuple[tuple[int, ...], ...]) -> list[int]:
        """How to pack every block; ``strides`` of each matrix (K, G, H), in entries."""
        words: list[int] = []
        for block in self.at:
            by_input, by_gate, by_output = strides[_number(block)]
            inputs, outputs = self.sizes.inputs(block), self.sizes.units(block)
            for gate, gates, to in self.groups(block):
                begin = (block.first + gate) * by_gate
                steps = (by_output, 0, by_input) if self.turned else (by_input, by_gate, by_output)
                forward, turned = (inputs, gates, outputs), (outputs * gates, 1, inputs)
                shape = (*turned, self.sizes.padded(inputs)) if self.turned else (*forward, self.column(block))
                words += [_number(block), begin, *steps, *shape, to]
        return words


def _number(block: Block) -> int:
    assert block.matrix is not None  # an operand as it is is no packed block
    return block.matrix


@cache
def gate_numbers(cell: Cell) -> dict[tuple[str, str], int]:
    """The number by which a TILT knows a gate of a matrix, and a row of a bias."""
    pairs = [(name, gate) for name, matrix in cell.layout.matrices.items() for gate in matrix.gates]
    pairs += [(bias.name, row) for bias in cell.biases for row in bias.rows]
    return {pair: number for number, pair in enumerate(pairs)}


@cache
def forward_programs(cell: Cell, sizes: Sizes, tilted: bool = False, apart: bool = False) -> Mapping[str, np.ndarray]:
    """``ahead``, ``program`` and ``fills``; ``tilted``: rows may have changes of their own to parameters; ``apart``:
    for matrices that are packed so."""
    packed, made = Packed(cell, sizes, turned=False, apart=apart), plan(cell)
    numbers, matrices = gate_numbers(cell), list(cell.layout.matrices.items())

    def tilts(block: Block) -> list[int]:
        name, matrix = matrices[_number(block)]
        words: list[int] = []
        for k in range(block.gates):
            number = numbers[name, matrix.gates[block.first + k]]
            words += [TILT, block.kind, block.row, 0, block.slot + k, 0, number, 0]
        return words

    def biased() -> list[int]:
        words: list[int] = []
        for bias in cell.biases if tilted else ():
            for slot, row in bias.row_of.items():
                words += [TILT, ONE, 0, 0, cell.layout.slots[slot], 0, numbers[bias.name, row], 0]
        return words

    def line(block: Block) -> list[int]:
        if block.matrix is None:
            return [ADD, block.kind, block.row, sizes.outputs(block.outputs), block.slot, 0, 0, 0]
        words: list[int] = []
        for gate, gates, address in packed.groups(block):
            vectors = packed.column(block) * gates // vector.lanes(sizes.dtype)
            words += [PRODUCT, block.kind, block.row, sizes.inputs(block), block.slot + gate, vectors, address, 0]
        return words + tilts(block) if tilted else words

    def instruction(step: Step) -> list[int]:
        if step.block is not None:
            return line(step.block)
        functions = stage_functions(cell, step.stage, sizes.dtype)
        return [STAGE, 0, 0, _units(step, sizes, functions.whole), 0, 0, functions.run.address, 0]

    programs = {
        "ahead": table([*biased(), *(word for block in made.ahead for word in line(block))]),
        "program": table(word for step in made.steps for word in instruction(step)),
        "fills": table(_fills(cell, sizes)),
    }
    return MappingProxyType(programs)  # all who ask have the same one


@cache
def backward_programs(cell: Cell, sizes: Sizes) -> Mapping[str, np.ndarray]:
    """``back``, ``after``, ``gradients``, ``sums`` and ``fills``. Targets of gradients: the matrices (G, H, padded K),
    the biases, and further sums."""
    packed, made = Packed(cell, sizes, turned=True), plan(cell)

    def lines(block: Block) -> list[int]:
        if block.matrix is None:
            return [ADD, block.kind, block.row, sizes.outputs(block.outputs), block.slot, 0, 0, 0]
        words: list[int] = []
        for gate, gates, address in packed.groups(block):
            count, vectors = sizes.units(block) * gates, sizes.padded(sizes.inputs(block)) // vector.lanes(sizes.dtype)
            words += [PRODUCT, block.kind, block.row, count, block.slot + gate, vectors, address, 0]
        return words

    def instruction(step: Step) -> list[int]:
        if step.block is not None:
            return lines(step.block)
        functions = stage_functions(cell, step.stage, sizes.dtype)
        return [STAGE, 0, 0, _units(step, sizes, functions.whole), 0, 0, functions.pull.address, 0]

    gradients: list[int] = []
    for block in made.blocks:
        inputs, outputs = sizes.inputs(block), sizes.units(block)
        begin, stride = block.first * outputs * sizes.padded(inputs), sizes.padded(inputs)
        gradients += [
            block.kind,
            block.row,
            inputs,
            block.slot,
            block.gates,
            outputs,
            sums(cell).blocks[block],
            begin,
            stride,
        ]
    programs = {
        "back": table(word for step in reversed(made.steps) for word in instruction(step)),
        "after": table(word for block in reversed(made.ahead) for word in lines(block)),
        "gradients": table(gradients),
        "sums": table(_sums(cell, sizes)),
        "fills": table(_fills(cell, sizes)),
    }
    return MappingProxyType(programs)


def _units(step: Step, sizes: Sizes, whole: bool) -> int:
    """Units that a stage runs over: whole vectors of them, unless it sums over the units."""
    units = sizes.outputs(step.outputs)
    return units if whole else sizes.padded(units)


def _fills(cell: Cell, sizes: Sizes) -> list[int]:
    """Which bias each pre-activation begins with."""
    words: list[int] = []
    for slot, number, row, units in _biases(cell, sizes):
        words += [slot, number, row * units, units]
    return words


def _sums(cell: Cell, sizes: Sizes) -> list[int]:
    words: list[int] = []
    for slot, _, row, units in _biases(cell, sizes):
        words += [slot, units, sums(cell).biases[slot], row * units]
    return words


def _biases(cell: Cell, sizes: Sizes) -> list[tuple[int, int, int, int]]:
    """(pre-activation, bias, its row, its entries) of every pre-activation that has a bias."""
    found = []
    size_of = {slot: cell.layout.measure(stage.size) for stage in cell.stages for slot in stage.slots}
    for slot, row in cell.layout.slots.items():
        place = cell.layout.bias(slot)
        if place is not None:
            found.append((row, *place, sizes.outputs(size_of[slot])))
    return found
