"""BPTT of a slice of rows through a chunk of steps, for any cell: ``da``, and the cotangents of x and of the states.

The gradients of matrices and biases follow from ``da``, which is still in the cache, when all slices have done the
chunk: ``refseq.engine.gradient``. Where there are too few rows for slices, one slice has them all, and every step is
handed out in shares of the units, as in ``refseq.engine.forward``.
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.handing import hand, span
from refseq.engine.job import FIELD, LINE
from refseq.engine.lines import ALL, affine_back, backward_lines
from refseq.engine.memory import keep_apart, word
from refseq.engine.rows import callers_row, copying, gathering, running, states_at, states_between, tape_at

AFTER, STEP = range(2)
"""What is handed out: the cotangents of x of a chunk; and from here on, the phases of a step."""


@cache
def _parts_of_a_chunk(dtype: str) -> tuple[Callable, Callable, Callable]:
    """dx_at(job, first): where the cotangents of x of a chunk are. after(job, lines, many, first, count, begin, end):
    these of all steps. step(job, lines, many, first, count, begin, t): the adjoint of a step."""
    line_of, run_lines = affine_back(dtype), backward_lines(dtype)

    @register_jitable
    def da_at(job, first, row):
        slots, size = word(job, FIELD.slots), word(job, FIELD.size)
        return word(job, FIELD.a) + (word(job, FIELD.chunk) * first + row) * slots * word(job, FIELD.width) * size

    @register_jitable
    def dx_at(job, first):
        padded = word(job, FIELD.padded_inputs)
        return word(job, FIELD.dx_rows) + word(job, FIELD.chunk) * first * padded * word(job, FIELD.size)

    @register_jitable
    def after(job, lines, many, first, count, begin, end):
        padded, size, product = word(job, FIELD.padded_inputs), word(job, FIELD.size), word(job, FIELD.product)
        dx = dx_at(job, first)
        for k in range(many):
            line = lines + k * LINE
            if running(job, first, first + count, end - 1) == count:
                line_of(job, line, (end - begin) * count, dx, padded, da_at(job, first, 0), product)
            else:
                for t in range(begin, end):
                    done, n = (t - begin) * count, running(job, first, first + count, t)
                    line_of(job, line, n, dx + done * padded * size, padded, da_at(job, first, done), product)

    @register_jitable
    def step(job, lines, many, first, count, begin, t):
        row = word(job, FIELD.width) * word(job, FIELD.size)
        n, done = running(job, first, first + count, t), (t - begin) * count
        m = word(job, FIELD.m_rows) + (word(job, FIELD.chunk) * first + done) * word(job, FIELD.masks) * row
        ds = word(job, FIELD.ds) + first * word(job, FIELD.states) * row
        d0 = word(job, FIELD.d0) + first * word(job, FIELD.states) * row
        dv = word(job, FIELD.dv) + first * word(job, FIELD.vectors) * row
        dp = word(job, FIELD.dp) + first * word(job, FIELD.own) * row
        old, new, tape = states_at(job, t, first), states_at(job, t + 1, first), tape_at(job, t, first)
        da, product = da_at(job, first, done), word(job, FIELD.product)
        olds = word(job, FIELD.states)
        run_lines(job, lines, many, n, olds, ALL, m, old, new, tape, ds, d0, dv, da, dp, product)

    return dx_at, after, step


@cache
def backward(dtype: str) -> CFunction:
    """A part's slices from step ``end`` back to ``begin``: f(job, part, begin, end)."""
    moves = copying(dtype)
    copy, add, clear = moves.copy, moves.add, moves.clear
    dx_at, after, step = _parts_of_a_chunk(dtype)
    gather_x, gather_masks = gathering(dtype)
    bring, back = states_between(dtype)

    @register_jitable
    def step_back(job, first, count, begin, t):
        """The adjoint of a step; ds: the cotangent of the new state on entry, of the old on exit."""
        n, phases, row = running(job, first, first + count, t), word(job, FIELD.phases), word(job, FIELD.width)
        states, vectors, size = word(job, FIELD.states), word(job, FIELD.vectors), word(job, FIELD.size)
        ds = word(job, FIELD.ds) + first * states * row * size
        d0 = word(job, FIELD.d0) + first * states * row * size
        for b in range(n):
            dy = callers_row(job, first + b, t) * word(job, FIELD.outputs) * size
            add(ds + b * states * row * size, word(job, FIELD.dy) + dy, word(job, FIELD.outputs))
        clear(d0, n * states * row)
        clear(word(job, FIELD.dv) + first * vectors * row * size, n * vectors * row)
        if phases:
            for k in range(phases):
                hand(job, begin, t, STEP + k)
        else:
            step(job, word(job, FIELD.back), word(job, FIELD.back_count), first, count, begin, t)
        copy(ds, d0, n * states * row)

    @register_jitable
    def inputs_back(job, first, last, begin, end):
        """The cotangents of x of a chunk: all its rows at once, then to their places."""
        count, inputs, padded = last - first, word(job, FIELD.inputs), word(job, FIELD.padded_inputs)
        dx, size = dx_at(job, first), word(job, FIELD.size)
        for t in range(begin, end):
            clear(dx + (t - begin) * count * padded * size, running(job, first, last, t) * padded)
        if word(job, FIELD.phases):
            hand(job, begin, end, AFTER)
        else:
            after(job, word(job, FIELD.after), word(job, FIELD.after_count), first, count, begin, end)
        for t in range(begin, end):
            for b in range(running(job, first, last, t)):
                target = word(job, FIELD.dx) + callers_row(job, first + b, t) * inputs * size
                copy(target, dx + ((t - begin) * count + b) * padded * size, inputs)

    @register_jitable
    def chunk_back(job, first, last, begin, end):
        """All steps of a chunk, and then its cotangents of x."""
        row, chunk = word(job, FIELD.width) * word(job, FIELD.size), word(job, FIELD.chunk)
        x = word(job, FIELD.x_rows) + chunk * first * word(job, FIELD.inputs) * word(job, FIELD.size)
        gather_x(job, first, last, begin, end, x)  # for the gradients of the matrices
        m = word(job, FIELD.m_rows) + chunk * first * word(job, FIELD.masks) * row
        gather_masks(job, first, last, begin, end, m)
        for backwards in range(end - begin):
            step_back(job, first, last - first, begin, end - 1 - backwards)
        inputs_back(job, first, last, begin, end)

    @register_jitable
    def slice_back(job, number, begin, end):
        """A slice's rows through a chunk, and what comes before the first one and after the last."""
        first, last = word(word(job, FIELD.bounds), number), word(word(job, FIELD.bounds), number + 1)
        row = word(job, FIELD.states) * word(job, FIELD.width) * word(job, FIELD.size)
        ds = word(job, FIELD.ds) + first * row
        if end == word(job, FIELD.stop):
            bring(job, first, last, word(job, FIELD.ds_in), ds)
        stop = min(end, word(word(job, FIELD.lengths), first) if last > first else 0)
        if begin < stop:
            chunk_back(job, first, last, begin, stop)
        if begin == word(job, FIELD.start):
            for b in range(first, last):
                back(job, b, ds + (b - first) * row, word(job, FIELD.ds_out))

    def engine_backward(job, part, begin, end):
        keep_apart()
        number = part
        while number < word(job, FIELD.slices):
            slice_back(job, number, begin, end)
            number += word(job, FIELD.parts)

    return compiled_c(engine_backward, 4, dtype)


@cache
def backward_share(dtype: str) -> CFunction:
    """A part's share of what ``backward`` hands out: f(job, part, begin, t, phase); t: the chunk's end, or the step."""
    _, after, step = _parts_of_a_chunk(dtype)

    def engine_backward_share(job, part, begin, t, phase):
        keep_apart()
        lines, many = span(job, part, phase - AFTER)
        if phase == AFTER:
            after(job, lines, many, 0, word(job, FIELD.rows), begin, t)
        else:
            step(job, lines, many, 0, word(job, FIELD.rows), begin, t)

    return compiled_c(engine_backward_share, 5, dtype)
