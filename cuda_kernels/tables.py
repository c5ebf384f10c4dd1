"""What the tiled products are told in tables of integers: which rows there are, and which blocks of a matrix."""

from dataclasses import dataclass

import numpy as np

from cuda_kernels.tiled_products import NOTHING, PRESENT
from refseq.cell import Cell
from refseq.scan import time_index
from refseq.stage import Product
from refseq.step import taken_ahead


@dataclass(frozen=True)
class Rows:
    """``rows`` (V,) and ``times`` (D, V) of ``cuda_kernels.products``."""

    rows: np.ndarray
    times: np.ndarray


def rows_of(start: int, stop: int, lengths: np.ndarray, reverses: tuple[bool, ...]) -> Rows:
    """The rows of the steps start <= t < stop of every row of the batch, within their lengths."""
    t = np.repeat(np.arange(stop - 1, start - 1, -1), len(lengths))
    b = np.tile(np.arange(len(lengths)), stop - start)
    inside = t < lengths[b]
    t, b = t[inside], b[inside]
    times = [time_index(t, lengths[b], reverse) * len(lengths) + b for reverse in reverses]
    return Rows(((t - start) * len(lengths) + b).astype(np.int64), np.array(times, np.int64).reshape(len(reverses), -1))


def products_of(cell: Cell) -> list[Product]:
    """The products with a matrix, in the order of the stages."""
    return [product for stage in cell.stages for product in stage.products if product.matrix is not None]


def inputs_of(cell: Cell) -> list[Product]:
    """Those that are taken ahead of the loop."""
    return [product for product in products_of(cell) if taken_ahead(product)]


def gates_of(cell: Cell, product: Product) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a product's blocks in its matrix, and of the pre-activations that they go to."""
    first = cell.layout.matrices[str(product.matrix)].gates.index(product.gates[0])
    gates = np.arange(first, first + len(product.gates))
    return gates, np.array([cell.layout.slots[slot] for slot in product.into], np.int64)


def inputs_blocks(cell: Cell, directions: int) -> list[tuple[int, int, np.ndarray]]:
    """What is taken ahead: the number of a matrix, that of a bias, and ``blocks``; a launch for each."""
    begun: set[str] = set()
    found = []
    for product in inputs_of(cell):
        lines: dict[int, list[tuple[int, ...]]] = {}
        for gate, slot, name in zip(*gates_of(cell, product), product.into, strict=True):
            number, row = cell.layout.bias(name) or (0, NOTHING)
            start = PRESENT if name in begun else row
            lines.setdefault(number, []).extend((direction, gate, slot, start) for direction in range(directions))
        matrix = cell.layout.matrices[str(product.matrix)].number
        found += [(matrix, number, np.array(table, np.int64)) for number, table in lines.items()]
        begun |= set(product.into)
    return found


def gradient_blocks(cell: Cell, product: Product, directions: int) -> np.ndarray:
    """``blocks`` for the gradient of a product's matrix."""
    pairs = list(zip(*gates_of(cell, product), strict=True))
    return np.array([(direction, *pair, NOTHING) for direction in range(directions) for pair in pairs], np.int64)


def bias_rows(cell: Cell, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The pre-activations of a bias, and the row of it that each of them takes."""
    bias = cell.biases[number]
    slots = [cell.layout.slots[slot] for slot in bias.slots]
    return np.array(slots, np.int64), np.array([bias.rows.index(bias.row_of[slot]) for slot in bias.slots], np.int64)
