"""Whether a block of the device has room for a launch of a time loop with its weights on chip.

The limits are those of a block and of a multiprocessor, from compute capability 7.5 on; what a kernel needs beside its
weights is what the compiler was seen to need.
"""

from math import prod

import numpy as np

from cuda_kernels import columns
from cuda_kernels.columns import Launch
from cuda_kernels.fragments import span
from cuda_kernels.tensor_products import products_of
from refseq.cell import Cell

REGISTERS = 65536
"""32-bit registers of a multiprocessor."""

MOST_REGISTERS = 255
"""Of a thread."""

BESIDE = (112, 128)
"""Registers of a thread that are neither weights nor sums, in one block and in several: with so many no kernel at the
limit was seen to spill."""

BESIDE_FRAGMENTS = (96, 112)
"""The same where the weights are fragments of tensor cores."""

FURTHER_STAGE = (12, 16)
"""Those that a further stage of a cell needs beside these in float64 or with fragments."""

MOST_THREADS = 512

PARTS = 128
"""Threads that take their registers from all four parts of a multiprocessor."""

SHARED = 48 * 1024
"""Bytes of shared memory that a block has without asking for more."""


def widest(cell: Cell) -> int:
    """The most products of one stage, forward or backward."""
    return max(len(columns.pairs(cell, number)) for number in range(len(cell.stages)))


def lacking(cell: Cell, dtype: str, launch: Launch) -> str:
    """What a launch has no room for; empty if it fits."""
    if launch.threads > MOST_THREADS:
        return f"{launch.threads} threads, more than {MOST_THREADS}"
    size, products = np.dtype(dtype).itemsize, products_of(launch)
    found = [columns.pairs(cell, number) for number in range(len(cell.stages))]
    problem = _unfit_slices(launch) if launch.precision else ""
    if problem:
        return problem
    several = launch.blocks > 1
    beside = (BESIDE_FRAGMENTS if launch.precision else BESIDE)[several]
    if size == 8 or launch.precision:
        beside += FURTHER_STAGE[several] * max(sum(map(bool, found)) - 1, 0)
    registers = (products.weights(found, launch) + 2 * products.sums(launch)) * (size // 4) + beside
    most = min(MOST_REGISTERS, REGISTERS // (-(-launch.threads // PARTS) * PARTS))
    if registers > most:
        return f"{registers} registers of a thread, more than {most}"
    shared = size * max(_numbers(cell, launch))
    return f"{shared} bytes of shared memory, more than {SHARED}" if shared > SHARED else ""


def _unfit_slices(launch: Launch) -> str:
    """What slices of fragments cannot be. What is direct has no places behind the last unit that are 0."""
    slices, terms = launch.slices, span(launch)
    if (slices - 1) * terms >= launch.units:
        return f"{slices} slices of {terms} terms, more than the sums have"
    if launch.direct and slices * terms > launch.units:
        return f"{launch.units} terms are no {slices} slices of whole instructions"
    return ""


def _numbers(cell: Cell, launch: Launch) -> tuple[int, int]:
    """Numbers in shared memory, forward and backward."""
    share, layout, states = launch.share, cell.layout, len(cell.state)
    parts = widest(cell) * share.slices * products_of(launch).part_width(launch)
    slots, vectors = len(layout.slots), max(len(layout.vectors), 1)
    there, back = (prod(products_of(launch).full(n, launch)) for n in (len(columns.operands(cell)), slots))
    there += share.rows * share.units * (2 * states + layout.stored + slots)
    back += share.rows * share.units * (2 * states + vectors + slots + max(len(cell.own), 1))
    return share.rows * parts + there, share.rows * parts + back
