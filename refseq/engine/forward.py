"""The time loop of a slice of rows, for any cell.

A chunk of steps at a time: the affine maps of x for the whole chunk, which is one large product; then step by step the
recurrent products and the stages' functions. Pre-activations stay in the cache; nothing waits for another slice.

Rows that differ in a parameter alone may have the same x (``refseq.engine.target.Tilts``): the affine maps of x are
then taken for the first of them, and copied.

Where there are too few rows for slices, one slice has them all, and every step is handed out in shares of the units
(``refseq.engine.shares``).
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.handing import hand, span
from refseq.engine.job import FIELD, INSTRUCTION, LINE, TILT
from refseq.engine.lines import ALL, affine, forward_lines
from refseq.engine.memory import keep_apart, word
from refseq.engine.rows import (
    callers_row,
    copying,
    gathering,
    like_the_one_before,
    running,
    states_at,
    states_between,
    tape_at,
)

FILL, AHEAD, STEP = range(3)
"""What is handed out: rows that begin with the biases; the affine maps of x; and from here on, the phases of a step."""


@cache
def _parts_of_a_chunk(dtype: str) -> tuple[Callable, Callable, Callable]:
    """fill(job, a, low, high): rows that begin with the biases. ahead(job, lines, many, first, count, begin, end): the
    affine maps of x. step(job, lines, many, first, count, begin, t): a step whose affine maps of x are done."""
    copy, line_of, run_lines = copying(dtype).copy, affine(dtype), forward_lines(dtype)

    @register_jitable
    def place(job, first, row):
        """Where a row of the chunk has its pre-activations and its x."""
        size, chunk = word(job, FIELD.size), word(job, FIELD.chunk)
        a = word(job, FIELD.a) + (chunk * first + row) * word(job, FIELD.slots) * word(job, FIELD.width) * size
        return a, word(job, FIELD.x_rows) + (chunk * first + row) * word(job, FIELD.inputs) * size

    @register_jitable
    def fill(job, first, low, high):
        row = word(job, FIELD.slots) * word(job, FIELD.width)
        for r in range(low, high):
            copy(place(job, first, r)[0], word(job, FIELD.bias), row)

    @register_jitable
    def maps(job, lines, many, first, count, row, rows, tilts):
        """The affine maps of x of so many rows of the chunk, or the rows' own changes to them."""
        (a, x), inputs, product = place(job, first, row), word(job, FIELD.inputs), word(job, FIELD.product)
        for k in range(many):
            if (word(lines + k * LINE, INSTRUCTION.does) == TILT) == tilts:
                line_of(job, lines + k * LINE, first, count, rows, x, inputs, a, product)

    @register_jitable
    def ahead(job, lines, many, first, count, begin, end):
        rows, row = (end - begin) * count, word(job, FIELD.slots) * word(job, FIELD.width)
        if word(job, FIELD.alike) == 0:
            maps(job, lines, many, first, count, 0, rows, False)
        else:
            for r in range(rows):
                if like_the_one_before(job, first, first + r % count):
                    copy(place(job, first, r)[0], place(job, first, r - 1)[0], row)
                else:
                    maps(job, lines, many, first, count, r, 1, False)
        maps(job, lines, many, first, count, 0, rows, True)

    @register_jitable
    def step(job, lines, many, first, count, begin, t):
        n, done = running(job, first, first + count, t), (t - begin) * count
        a, x = place(job, first, done)
        masks = word(job, FIELD.masks) * word(job, FIELD.width) * word(job, FIELD.size)
        m = word(job, FIELD.m_rows) + (word(job, FIELD.chunk) * first + done) * masks
        old, new, tape = states_at(job, t, first), states_at(job, t + 1, first), tape_at(job, t, first)
        olds = word(job, FIELD.states)
        run_lines(job, lines, many, first, count, n, olds, ALL, x, m, old, new, tape, a, word(job, FIELD.product))

    return fill, ahead, step


@cache
def forward(dtype: str) -> CFunction:
    """A part's slices through the steps start <= t < stop: f(job, part)."""
    copy = copying(dtype).copy
    fill, ahead, step = _parts_of_a_chunk(dtype)
    gather_x, gather_masks = gathering(dtype)
    bring, back = states_between(dtype)

    @register_jitable
    def chunk_forward(job, first, count, begin, end):
        """All steps of a chunk."""
        phases = word(job, FIELD.phases)
        if phases:
            hand(job, begin, end, FILL)
            hand(job, begin, end, AHEAD)
        else:
            fill(job, first, 0, (end - begin) * count)
            ahead(job, word(job, FIELD.ahead), word(job, FIELD.ahead_count), first, count, begin, end)
        outputs, size = word(job, FIELD.outputs), word(job, FIELD.size)
        row = word(job, FIELD.states) * word(job, FIELD.width) * size
        for t in range(begin, end):
            if phases:
                for k in range(phases):
                    hand(job, begin, t, STEP + k)
            else:
                step(job, word(job, FIELD.program), word(job, FIELD.program_count), first, count, begin, t)
            new = states_at(job, t + 1, first)
            for b in range(running(job, first, first + count, t)):
                y = word(job, FIELD.y) + callers_row(job, first + b, t) * outputs * size
                copy(y, new + b * row, outputs)

    @register_jitable
    def slice_forward(job, number):
        """A slice's rows through all steps."""
        first, last = word(word(job, FIELD.bounds), number), word(word(job, FIELD.bounds), number + 1)
        size, width, chunk = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.chunk)
        stop = min(word(job, FIELD.stop), word(word(job, FIELD.lengths), first) if last > first else 0)
        x = word(job, FIELD.x_rows) + chunk * first * word(job, FIELD.inputs) * size
        m = word(job, FIELD.m_rows) + chunk * first * word(job, FIELD.masks) * width * size
        begin = word(job, FIELD.start)
        bring(job, first, last, word(job, FIELD.s0), states_at(job, begin, first))
        while begin < stop:
            end = min(begin + chunk, stop)
            gather_x(job, first, last, begin, end, x)
            gather_masks(job, first, last, begin, end, m)
            chunk_forward(job, first, last - first, begin, end)
            begin = end
        for b in range(first, last):
            t = max(min(word(job, FIELD.stop), word(word(job, FIELD.lengths), b)), word(job, FIELD.start))
            back(job, b, states_at(job, t, b), word(job, FIELD.final))

    def engine_forward(job, part):
        keep_apart()
        number = part
        while number < word(job, FIELD.slices):
            slice_forward(job, number)
            number += word(job, FIELD.parts)

    return compiled_c(engine_forward, 2, dtype)


@cache
def forward_share(dtype: str) -> CFunction:
    """A part's share of what ``forward`` hands out: f(job, part, begin, t, phase); t: the chunk's end, or the step."""
    fill, ahead, step = _parts_of_a_chunk(dtype)

    def engine_forward_share(job, part, begin, t, phase):
        keep_apart()
        count, parts = word(job, FIELD.rows), word(job, FIELD.parts)
        if phase == FILL:
            rows = (t - begin) * count
            fill(job, 0, rows * part // parts, rows * (part + 1) // parts)
            return
        lines, many = span(job, part, phase - AHEAD)
        if phase == AHEAD:
            ahead(job, lines, many, 0, count, begin, t)
        else:
            step(job, lines, many, 0, count, begin, t)

    return compiled_c(engine_forward_share, 5, dtype)
