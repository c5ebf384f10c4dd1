"""The functions of a cell's stages on vectors: C functions made of the same source as every other target's.

A stage of one unit at a time is ``refseq.pointwise.unitwise`` for a "team" that takes a vector of units at a time, on
rows of vectors in place of arrays; an operation on whole vectors is ``operationwise`` on plain arrays.

    run(rows, units, width, p, m, s0, s1, tape, a)
    pull(rows, units, width, p, m, s0, s1, tape, ds, d0, dv, da, dp)

All are addresses of the first of ``rows`` batch rows, one row after another; each row of an array has ``width``
entries, a multiple of the vector's. The arrays are those of ``refseq.step``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable

import refseq.engine.vector_field  # noqa: F401 - teaches the primitives what a vector is
from refseq.cell import Cell
from refseq.engine import vector
from refseq.engine.compiling import compiled_c
from refseq.engine.memory import matrix_of, strip_of
from refseq.pointwise import operationwise, unitwise
from refseq.targets.digest import source_digest
from refseq.team import ALONE, Team

RUN, PULL = 9, 13
"""How many integers the functions take."""


@dataclass(frozen=True)
class StageFunctions:
    """The compiled directions of one stage; ``whole`` if it works on whole vectors, and so on true sizes only."""

    run: Any
    pull: Any
    whole: bool


def _vectors(count: int) -> Team:
    """One thread that takes ``count`` units at a time."""

    @register_jitable
    def step():
        return count

    return Team(ALONE.index, step, ALONE.barrier)


@cache
def stage_functions(cell: Cell, number: int, dtype: str) -> StageFunctions:
    """The functions of a stage in this precision."""
    whole = cell.stages[number].operation is not None
    element, size = vector.element_of(dtype), np.dtype(dtype).itemsize
    if whole:
        matrix = matrix_of(element)
        run, pull = operationwise(cell, number, ALONE)
        functions = _on_rows(cell, run, pull, matrix, size)
    else:
        strip = strip_of(element)

        @register_jitable
        def rows_at(address, rows, width):
            return strip(address, width)

        functions = _on_rows(cell, *unitwise(cell, number, _vectors(vector.lanes(dtype))), rows_at, size)
    key = (source_digest(cell), str(number))
    compiled_run, compiled_pull = (
        compiled_c(function, count, dtype, *key) for function, count in zip(functions, (RUN, PULL), strict=True)
    )
    return StageFunctions(compiled_run, compiled_pull, whole)


def _on_rows(cell: Cell, run: Callable, pull: Callable, at: Callable, size: int) -> tuple[Callable, Callable]:
    """Both directions for many batch rows."""
    layout = cell.layout
    olds, states, stored = len(cell.olds), len(cell.state), layout.stored  # in a tree a node has several old states
    slots, vectors = len(layout.slots), len(layout.vectors)
    masks, own = len(cell.masks), len(cell.own)
    numbers = own + len(cell.constants)

    def stage_run(rows, units, width, p, m, s0, s1, tape, a):
        row = width * size
        given = at(p, numbers, width)
        for b in range(rows):
            run(
                units,
                0,
                given,
                at(m + b * masks * row, masks, width),
                0,
                at(s0 + b * olds * row, olds, width),
                at(s1 + b * states * row, states, width),
                at(tape + b * stored * row, stored, width),
                at(a + b * slots * row, slots, width),
            )

    def stage_pull(rows, units, width, p, m, s0, s1, tape, ds, d0, dv, da, dp):
        row = width * size
        given = at(p, numbers, width)
        for b in range(rows):
            pull(
                units,
                given,
                at(m + b * masks * row, masks, width),
                at(s0 + b * olds * row, olds, width),
                at(s1 + b * states * row, states, width),
                at(tape + b * stored * row, stored, width),
                at(ds + b * states * row, states, width),
                at(d0 + b * olds * row, olds, width),
                at(dv + b * vectors * row, vectors, width),
                at(da + b * slots * row, slots, width),
                0,
                at(dp + b * own * row, own, width),
            )

    return stage_run, stage_pull
