"""Matrix products of a time loop with the weights in registers: a thread keeps a piece of a matrix for all steps.

A stage's products are pairs: a block of a matrix, the vector that it is multiplied with, and where the result goes. A
block of threads owns ``units`` entries of every result. Forward a pair adds W[gate] v to a pre-activation; backward
W[gate]' da to the cotangent of v. Which thread has which weights: ``scalar_products``, ``fragments``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba.extending import register_jitable

from refseq.cell import Cell
from refseq.layout import Place
from refseq.stage import Product
from refseq.step import taken_ahead

NO_SLOT = -1


@dataclass(frozen=True)
class Pair:
    """``matrix`` and ``gate`` by number; ``vector``: the number of the operand in shared memory; ``place``: the vector
    itself; ``slot``: the pre-activation."""

    matrix: int
    gate: int
    vector: int
    place: Place
    slot: int


def recurrent(cell: Cell, number: int) -> list[Product]:
    """The products of a stage that the time loop takes."""
    return [product for product in cell.stages[number].products if not taken_ahead(product)]


def operands(cell: Cell) -> list[Place]:
    """The vectors that products of the time loop read, each once."""
    names = [product.operand for number in range(len(cell.stages)) for product in recurrent(cell, number)]
    return [cell.layout.place(name) for name in dict.fromkeys(names)]


def pairs(cell: Cell, number: int) -> list[Pair]:
    """The pairs of a stage, in the order in which their results are added."""
    layout, vectors, found = cell.layout, operands(cell), []
    for product in recurrent(cell, number):
        matrix, place = layout.matrices[str(product.matrix)], layout.place(product.operand)
        for gate, slot in zip(product.gates, product.into, strict=True):
            numbers = matrix.number, matrix.gates.index(gate)
            found.append(Pair(*numbers, vectors.index(place), place, layout.slots[slot]))
    return found


def pairs_back(cell: Cell, number: int) -> list[Pair]:
    """Those of the adjoint: products in reverse order; the vector is the cotangent of the pre-activation."""
    found = []
    for product in reversed(recurrent(cell, number)):
        own = [pair for pair in pairs(cell, number) if _belongs(cell, product, pair)]
        found += [Pair(pair.matrix, pair.gate, pair.slot, pair.place, pair.slot) for pair in own]
    return found


def _belongs(cell: Cell, product: Product, pair: Pair) -> bool:
    layout = cell.layout
    slots = [layout.slots[slot] for slot in product.into]
    same = layout.matrices[str(product.matrix)].number == pair.matrix
    return same and pair.slot in slots and layout.place(product.operand) == pair.place


@dataclass(frozen=True)
class Share:
    """How a block shares a product: ``units`` entries of every result, each sum in ``slices``, for ``rows`` rows of the
    batch; ``terms`` of a row of what is multiplied (``settling``)."""

    units: int
    slices: int
    terms: int
    rows: int


@dataclass(frozen=True)
class Launch:
    """``threads`` of a block and ``blocks`` that share the units of a group of ``rows`` rows; ``slices`` of every sum.
    Every number is a literal of the kernel. ``precision``: of the operands of tensor cores, if they take the products;
    a warp then has ``tiles`` tiles of 16 entries of a result, and slices are those of warps (``fragments``)."""

    units: int
    rows: int
    threads: int
    blocks: int = 1
    slices: int = 1
    precision: str | None = None
    tiles: int = 0

    @property
    def share(self) -> Share:
        """What one block has of every product."""
        terms = self.units if self.precision else self.units // self.slices
        return Share(self.units // self.blocks, self.slices, terms, self.rows)

    @property
    def direct(self) -> bool:
        """Whether vectors are multiplied where the blocks have written them, with no copy in shared memory."""
        return self.precision is not None and self.blocks > 1 and self.slices > 1

    @property
    def each(self) -> int:
        """Rows that have a thread for each unit at the same time."""
        return self.threads // self.share.units


def build_own(launch: Launch) -> Callable:
    """own(thread): its unit, and the first of its rows; no row for threads that are too many."""
    units, rows, each, spare = launch.share.units, launch.rows, launch.each, launch.threads % launch.share.units

    @register_jitable
    def own(me):
        return me % units, me // units

    @register_jitable
    def own_of_few(me):
        return me % units, me // units if me < units * each else rows

    return own_of_few if spare else own


def table(numbers: list[int]) -> Callable:
    """f(q) = numbers[q], 0 beyond: as conditions, because a compiled table would be in memory."""
    lines = "".join(f"    if q == {q}:\n        return {number}\n" for q, number in enumerate(numbers))
    namespace: dict = {}
    exec(f"def choose(q):\n{lines}    return 0", namespace)
    return register_jitable(namespace["choose"])


def build_total(positions: list[int], share: Share) -> Callable:
    """total(parts, r, u): the sum of the slices of these pairs, in their order."""
    slices = share.slices
    head, *rest = [(q, part) for q in positions for part in range(slices)]
    terms = "".join(f" + parts[{q}, {part}, r, u]" for q, part in rest)
    namespace: dict = {}
    exec(f"def total(parts, r, u):\n    return parts[{head[0]}, {head[1]}, r, u]{terms}", namespace)
    return register_jitable(namespace["total"])


def starts(cell: Cell, number: int, found: list[Pair]) -> tuple[list[int], list[tuple[int, int] | None]]:
    """With what the sum of every pair begins: the pre-activation that has been taken ahead, else NO_SLOT; and the
    place of its bias, if that is to be added. Only the first pair of a pre-activation begins with either."""
    layout, done, ahead, biases = cell.layout, set(), [], []
    names = {place: name for name, place in layout.slots.items()}
    filled = filled_ahead(cell, number)
    for pair in found:
        fresh, name = pair.slot not in done, names[pair.slot]
        done.add(pair.slot)
        ahead.append(pair.slot if fresh and name in filled else NO_SLOT)
        biases.append(layout.bias(name) if fresh and name not in filled else None)
    return ahead, biases


def filled_ahead(cell: Cell, number: int) -> set[str]:
    """The pre-activations of a stage that have a product of x, and their bias, before the loop begins."""
    return {slot for product in cell.stages[number].products if taken_ahead(product) for slot in product.into}


def build_base(biases: list[tuple[int, int] | None], none: np.floating) -> Callable:
    """base(bias, d, q, j): the entry of the bias that the sum of pair q begins with, else 0."""
    present = [(q, place) for q, place in enumerate(biases) if place is not None]
    lines = "".join(f"    if q == {q}:\n        return bias[{n}][d, {row}, j]\n" for q, (n, row) in present)
    namespace: dict = {"none": none}
    exec(f"def base(bias, d, q, j):\n{lines}    return none", namespace)
    return register_jitable(namespace["base"])
