"""Copies of rows of floats as a program: what comes from the caller's arrays and goes back to them, in one call.

A table of 64-bit integers: FOUND, then the address that each line reads, the address that it writes, and the lines.
Threads share every line: its rows, or the entries of its only row. So no line may read what another one writes.
"""

import math
from collections import namedtuple
from functools import cache

import numpy as np

from refseq.engine import vector
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.memory import keep_apart, loader, put_word, storer, word

COPY, LOOK, CLEAR, ADD = range(4)
"""What a line does: copy; copy, and look for NaN; write zeros; add to what is there."""

Move = namedtuple("Move", "does rows count from_stride to_stride")
"""``rows`` rows of ``count`` floats, so many entries apart where they are read and written."""
MOVE = Move(*range(len(Move._fields)))

FOUND, FIRST = 0, 1
"""Words of the table: the number of a line that found NaN, counted from 1, or what was there; the first source."""


def words(lines: int) -> int:
    """Words of a table of so many lines."""
    return FIRST + lines * (2 + len(MOVE))


def places(lines: int) -> tuple[slice, slice, slice]:
    """Where a table has what is read, what is written, and its lines."""
    return (
        slice(FIRST, FIRST + lines),
        slice(FIRST + lines, FIRST + 2 * lines),
        slice(FIRST + 2 * lines, words(lines)),
    )


@cache
def moves(dtype: str) -> CFunction:
    """A part's share of a table of ``many`` lines: f(table, part, many, parts)."""
    element, size = vector.element_of(dtype), np.dtype(dtype).itemsize
    load, store, zero, columns = loader(element), storer(element), element(0), len(MOVE)

    def engine_move(table, part, many, parts):
        keep_apart()
        for k in range(many):
            line = table + 8 * (FIRST + 2 * many + k * columns)
            does, rows, count = word(line, MOVE.does), word(line, MOVE.rows), word(line, MOVE.count)
            source, target = word(table, FIRST + k), word(table, FIRST + many + k)
            low, high, first, last = 0, rows, 0, count
            if rows > 1 and word(line, MOVE.to_stride) != 0:
                low, high = rows * part // parts, rows * (part + 1) // parts
            else:  # all rows go to the same one
                first, last = count * part // parts, count * (part + 1) // parts
            count = last - first
            for r in range(low, high):
                here = source + (r * word(line, MOVE.from_stride) + first) * size
                there = target + (r * word(line, MOVE.to_stride) + first) * size
                if does == CLEAR:
                    for j in range(count):
                        store(there, j, zero)
                elif does == ADD:
                    for j in range(count):
                        store(there, j, load(there, j) + load(here, j))
                else:
                    for j in range(count):
                        store(there, j, load(here, j))
                if does == LOOK:
                    found = False
                    for j in range(count):
                        found |= math.isnan(load(there, j))
                    if found:
                        put_word(table, FOUND, k + 1)

    return compiled_c(engine_move, 4, dtype)
