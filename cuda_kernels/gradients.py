"""The gradients of matrices and biases, of flat rows: for layers, trees, and the edges of trees."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cuda_kernels import products, tables
from cuda_kernels.machine import Machine
from refseq.cell import Cell
from refseq.layout import Place

Source = tuple[Any, int, Any, int]
"""An operand: its array (D or 1, rows, vectors, W), 1 if it has a part for each direction, else 0; the table (D, V) of
its rows, and what is added to them."""


def add_gradients(
    machine: Machine,
    cell: Cell,
    source: Callable[[Place], Source],
    da: Any,
    rows: Any,
    dM: tuple[Any, ...],
    db: tuple[Any, ...],
) -> None:
    """Add to dM (D, K, G, H) and db (D, G, H) what follows from da (D, rows, A, W): the sum over the V ``rows`` of it,
    in their order. ``source`` says where an operand is read from."""
    kernels, directions = products.kernels(str(np.dtype(da.dtype)), machine.tiles), da.shape[0]
    for product in tables.products_of(cell):
        matrix, place = cell.layout.matrices[str(product.matrix)].number, cell.layout.place(product.operand)
        v, own, places, shift = source(place)
        blocks = tables.gradient_blocks(cell, product, directions)
        machine.outer(blocks, v, own, place.row, places, shift, da, rows, dM[matrix])
    for number, bias in enumerate(db):
        slots, targets = map(machine.place, tables.bias_rows(cell, number))
        pieces = (-(-bias.shape[2] // machine.block(bias.shape[2])), bias.shape[1], directions)
        machine.launch(kernels.sums, pieces, bias.shape[2], slots, targets, rows, da, bias)
