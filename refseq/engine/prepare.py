"""What comes before the time loop: matrices packed, biases and per-unit parameters in rows of the engine's width."""

from functools import cache

import numpy as np
from numba.extending import register_jitable

from refseq.engine import vector
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.job import FIELD, FILL, FILL_LINE, PACK, PACK_LINE
from refseq.engine.memory import keep_apart, loader, storer, strip_of, word
from refseq.engine.rows import copying
from refseq.engine.tile import WIDE
from refseq.engine.transpose import transposing

BLOCK = 32
"""Rows that are packed at a time, where a matrix is stored by columns: a line of the cache is then used as a whole."""


@cache
def prepare(dtype: str) -> CFunction:
    """A part's share of the panels of every block; part 0 also fills ``bias`` and ``p_rows``: f(job, part).

    A packed block is a sequence of panels of WIDE vectors of columns (the last may have one), each with all its rows.
    """
    moves = copying(dtype)
    copy, clear = moves.copy, moves.clear
    element, size = vector.element_of(dtype), np.dtype(dtype).itemsize
    load, store, zero = loader(element), storer(element), element(0)
    lanes, block, transpose, strip = vector.lanes(dtype), BLOCK, transposing(element), strip_of(element)
    panel = WIDE * lanes

    @register_jitable
    def pack(line, source, to, v, total, k0, end):
        """One vector of columns, rows k0 <= k < end."""
        count, columns, padded = word(line, PACK.rows), word(line, PACK.columns), word(line, PACK.padded)
        by_row, by_column = word(line, PACK.by_row), word(line, PACK.by_column)
        g, first = v * lanes // padded, v * lanes % padded
        width = panel if v // 2 < total // 2 else lanes
        target = to + ((v // 2) * count * panel + (v % 2) * lanes) * size
        begin = source + (word(line, PACK.begin) + g * word(line, PACK.by_block) + first * by_column) * size
        have = min(lanes, columns - first)
        if by_row == 1 and have == lanes:
            while k0 + lanes <= end:
                transpose(begin + k0 * size, by_column, target + k0 * width * size, width)
                k0 += lanes
        while k0 < end:
            k1 = min(k0 + block, end)
            if by_column == 1 and have == lanes:
                whole, rows = strip(target, width), strip(begin, by_row)
                for k in range(k0, k1):
                    whole[k, 0] = rows[k, 0]
            elif by_column == 1:
                for k in range(k0, k1):
                    for j in range(have):
                        store(target, k * width + j, load(begin, k * by_row + j))
            else:
                for j in range(have):
                    for k in range(k0, k1):
                        store(target, k * width + j, load(begin, k * by_row + j * by_column))
            for j in range(max(have, 0), lanes):
                for k in range(k0, k1):
                    store(target, k * width + j, zero)
            k0 = k1

    @register_jitable
    def fill(job):
        width, wide = word(job, FIELD.width), word(job, FIELD.wide)
        clear(word(job, FIELD.bias), word(job, FIELD.slots) * width)
        for k in range(word(job, FIELD.fills_count)):
            line = word(job, FIELD.fills) + k * FILL_LINE
            source = word(word(job, FIELD.biases), word(line, FILL.bias)) + word(line, FILL.begin) * size
            copy(word(job, FIELD.bias) + word(line, FILL.slot) * width * size, source, word(line, FILL.count))
        for k in range(word(job, FIELD.numbers)):
            target = word(job, FIELD.p_rows) + k * width * size
            copy(target, word(job, FIELD.p) + k * wide * size, wide)
            clear(target + wide * size, width - wide)

    def engine_prepare(job, part):
        keep_apart()
        parts = word(job, FIELD.parts)
        for k in range(word(job, FIELD.packs_count)):
            line = word(job, FIELD.packs) + k * PACK_LINE
            total = word(line, PACK.blocks) * word(line, PACK.padded) // lanes
            source, to = word(word(job, FIELD.matrices), word(line, PACK.matrix)), word(job, FIELD.packed)
            count = word(line, PACK.rows)
            step = block if word(line, PACK.by_column) == 1 else count  # rows lie apart: neighbours of what was read
            for first in range(0, count, max(step, 1)):
                for v in range(total * part // parts, total * (part + 1) // parts):
                    pack(line, source, to + word(line, PACK.to), v, total, first, min(first + step, count))
        if part == 0:
            fill(job)

    return compiled_c(engine_prepare, 2, dtype)
