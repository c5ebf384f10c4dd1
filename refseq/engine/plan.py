"""From a cell's description to what the engine does: which products, in which order, on which rows.

A product's gates are blocks that lie side by side in its matrix; where its pre-activations lie side by side too, they
are computed as one matrix product. Products of the input x come first, for many steps at once; the others wait for
their operand. In the adjoint everything runs the other way round.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from refseq.cell import Cell
from refseq.engine import vector
from refseq.engine.job import KINDS


@dataclass(frozen=True)
class Block:
    """Adjacent gates of a matrix and adjacent pre-activations; ``matrix`` None: the operand itself."""

    matrix: int | None
    first: int
    gates: int
    kind: int
    row: int
    slot: int
    outputs: tuple[int, int]
    """A matrix, by number, and its axis whose length is the number of outputs of each gate."""


@dataclass(frozen=True)
class Step:
    """One instruction of a time step: a block, or the function of a stage of units as many as ``outputs`` says."""

    block: Block | None
    stage: int = -1
    outputs: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Plan:
    """ahead   blocks whose operand is x, for all steps of a chunk
    steps   the instructions of one time step
    blocks  all blocks that have a matrix
    """

    ahead: tuple[Block, ...]
    steps: tuple[Step, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Every block that has a matrix."""
        inside = tuple(step.block for step in self.steps if step.block is not None)
        return tuple(block for block in (*self.ahead, *inside) if block.matrix is not None)


@cache
def plan(cell: Cell) -> Plan:
    """The plan of a cell."""
    ahead, steps = [], []
    for number, stage in enumerate(cell.stages):
        for block in _blocks(cell, number):
            if block.kind == KINDS["x"]:
                ahead.append(block)
            else:
                steps.append(Step(block))
        steps.append(Step(None, number, cell.layout.measure(stage.size)))
    return Plan(tuple(ahead), tuple(steps))


def _blocks(cell: Cell, number: int) -> Iterator[Block]:
    """The blocks of one stage."""
    stage, layout = cell.stages[number], cell.layout
    for product in stage.products:
        place = layout.place(product.operand)
        slots = [layout.slots[slot] for slot in product.into]
        common = {"kind": KINDS[place.kind], "row": place.row, "outputs": layout.measure(stage.size)}
        if product.matrix is None:
            yield Block(matrix=None, first=0, gates=1, slot=slots[0], **common)
            continue
        matrix = layout.matrices[product.matrix]
        first, begin = matrix.gates.index(product.gates[0]), 0
        for k in range(1, len(slots) + 1):
            if k == len(slots) or slots[k] != slots[k - 1] + 1:
                yield Block(matrix.number, first + begin, k - begin, slot=slots[begin], **common)
                begin = k


@dataclass(frozen=True)
class Sums:
    """Where gradients are summed: of ``blocks`` by block, of the biases by pre-activation (its row). A number is that
    of a matrix, of a bias (counted after the matrices), or of a further sum, which ``more`` says where to add to.

    What is used twice has a sum for each use: one sum for both would depend on where time is cut into chunks, and two
    threads would add to it at once.
    """

    blocks: dict[Block, int]
    biases: dict[int, int]
    more: tuple[int, ...]


@cache
def sums(cell: Cell) -> Sums:
    """The sums of a cell."""
    layout, more = cell.layout, []
    matrices, taken = len(layout.matrices), defaultdict(set)

    def free(target: int, rows: Iterable[int]) -> int:
        own = [target, *(matrices + len(cell.biases) + k for k, to in enumerate(more) if to == target)]
        for number in own:
            if taken[number].isdisjoint(rows):
                break
        else:
            number = matrices + len(cell.biases) + len(more)
            more.append(target)
        taken[number].update(rows)
        return number

    blocks = {
        block: free(block.matrix, range(block.first, block.first + block.gates))
        for block in plan(cell).blocks
        if block.matrix is not None
    }
    places = {row: layout.bias(slot) for slot, row in layout.slots.items()}
    biases = {row: free(matrices + place[0], [place[1]]) for row, place in places.items() if place is not None}
    return Sums(blocks, biases, tuple(more))


@dataclass(frozen=True)
class Sizes:
    """The sizes of a layer: ``matrices`` (K, G, H) of each; ``width``: entries of a row of the engine's arrays."""

    matrices: tuple[tuple[int, int, int], ...]
    dtype: str

    def padded(self, entries: int) -> int:
        """The next multiple of the vector."""
        lanes = vector.lanes(self.dtype)
        return -(-entries // lanes) * lanes

    @cached_property
    def width(self) -> int:
        """Entries of a row, padded."""
        return self.padded(max(outputs for _, _, outputs in self.matrices))

    def inputs(self, block: Block) -> int:
        """Entries of the operand of a block that has a matrix."""
        return self._shape(block)[0]

    def units(self, block: Block) -> int:
        """Rows of each gate of a block that has a matrix."""
        return self._shape(block)[2]

    def _shape(self, block: Block) -> tuple[int, int, int]:
        assert block.matrix is not None  # an operand as it is has no gates
        return self.matrices[block.matrix]

    def outputs(self, measure: tuple[int, int]) -> int:
        """Entries of a vector by the matrix and axis that measure it."""
        number, axis = measure
        return self.matrices[number][axis]
