"""BPTT of a slice of rows through a chunk of steps, for any cell: ``da``, and the cotangents of x and of the states.

The gradients of matrices and biases follow from ``da``, which is still in the cache, when all slices have done the
chunk: ``refseq.engine.gradient``.
"""

from functools import cache

from numba.extending import register_jitable

from refseq.engine.calling import caller
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.job import FIELD, INSTRUCTION, LINE, PRODUCT, STAGE
from refseq.engine.memory import keep_apart, word
from refseq.engine.rows import (
    callers_row,
    copying,
    gathering,
    operand,
    running,
    states_at,
    states_between,
    tape_at,
)
from refseq.engine.stages import PULL


@cache
def backward(dtype: str) -> CFunction:
    """A slice's rows from step ``end`` back to ``begin``: f(job, slice, begin, end, add_product)."""
    moves = copying(dtype)
    copy, add, clear = moves.copy, moves.add, moves.clear
    multiply, pull = caller(8), caller(PULL)
    gather_x, gather_masks = gathering(dtype)
    bring, back = states_between(dtype)

    @register_jitable
    def affine_back(job, line, n, target, stride, da, product):
        """The adjoint of one product on n rows, in its operand."""
        size, width, slots = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.slots)
        source = da + word(line, INSTRUCTION.slot) * width * size
        count = word(line, INSTRUCTION.count)
        if word(line, INSTRUCTION.does) == PRODUCT:
            matrix, vectors = word(job, FIELD.packed) + word(line, INSTRUCTION.address), word(line, INSTRUCTION.vectors)
            multiply(product, source, slots * width, n, count, matrix, target, stride, vectors)
        else:
            for b in range(n):
                add(target + b * stride * size, source + b * slots * width * size, count)

    @register_jitable
    def step_back(job, n, m, old, new, tape, ds, d0, dv, da, dp, product):
        """The adjoint of one step of n rows; ds: the cotangent of the new state on entry, of the old on exit."""
        size, width = word(job, FIELD.size), word(job, FIELD.width)
        states, vectors = word(job, FIELD.states), word(job, FIELD.vectors)
        clear(d0, n * states * width)
        clear(dv, n * vectors * width)
        for k in range(word(job, FIELD.back_count)):
            line = word(job, FIELD.back) + k * LINE
            count = word(line, INSTRUCTION.count)
            if word(line, INSTRUCTION.does) == STAGE:
                function = word(line, INSTRUCTION.address)
                pull(function, n, count, width, word(job, FIELD.p_rows), m, old, new, tape, ds, d0, dv, da, dp)
            else:
                kind = word(line, INSTRUCTION.kind)
                target = operand(kind, 0, d0, ds, dv) + word(line, INSTRUCTION.row) * width * size
                affine_back(job, line, n, target, operand(kind, 0, states, states, vectors) * width, da, product)
        copy(ds, d0, n * states * width)

    @register_jitable
    def inputs_back(job, first, last, begin, end, da, product):
        """The cotangents of x of a chunk: all its rows at once, then to their places."""
        size, width, slots = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.slots)
        count, inputs = last - first, word(job, FIELD.inputs)
        padded = word(job, FIELD.padded_inputs)
        dx = word(job, FIELD.dx_rows) + word(job, FIELD.chunk) * first * padded * size
        for t in range(begin, end):
            clear(dx + (t - begin) * count * padded * size, running(job, first, last, t) * padded)
        for k in range(word(job, FIELD.after_count)):
            line = word(job, FIELD.after) + k * LINE
            if running(job, first, last, end - 1) == count:
                affine_back(job, line, (end - begin) * count, dx, padded, da, product)
            else:
                for t in range(begin, end):
                    done, n = (t - begin) * count, running(job, first, last, t)
                    affine_back(
                        job, line, n, dx + done * padded * size, padded, da + done * slots * width * size, product
                    )
        for t in range(begin, end):
            for b in range(running(job, first, last, t)):
                target = word(job, FIELD.dx) + callers_row(job, first + b, t) * inputs * size
                copy(target, dx + ((t - begin) * count + b) * padded * size, inputs)

    @register_jitable
    def chunk_back(job, first, last, begin, end, ds, product):
        """All steps of a chunk, and then its cotangents of x."""
        size, width, chunk = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.chunk)
        slots, masks, states = word(job, FIELD.slots), word(job, FIELD.masks), word(job, FIELD.states)
        outputs, count, row = word(job, FIELD.outputs), last - first, width * size
        da = word(job, FIELD.a) + chunk * first * slots * row
        m = word(job, FIELD.m_rows) + chunk * first * masks * row
        d0 = word(job, FIELD.d0) + first * states * row
        dv = word(job, FIELD.dv) + first * word(job, FIELD.vectors) * row
        dp = word(job, FIELD.dp) + first * word(job, FIELD.own) * row
        x = word(job, FIELD.x_rows) + chunk * first * word(job, FIELD.inputs) * size
        gather_x(job, first, last, begin, end, x)  # for the gradients of the matrices
        gather_masks(job, first, last, begin, end, m)
        for backwards in range(end - begin):
            t = end - 1 - backwards
            n, done = running(job, first, last, t), (t - begin) * count
            for b in range(n):
                dy = word(job, FIELD.dy) + callers_row(job, first + b, t) * outputs * size
                add(ds + b * states * row, dy, outputs)
            old, new, tape = states_at(job, t, first), states_at(job, t + 1, first), tape_at(job, t, first)
            step_back(job, n, m + done * masks * row, old, new, tape, ds, d0, dv, da + done * slots * row, dp, product)
        inputs_back(job, first, last, begin, end, da, product)

    def engine_backward(job, number, begin, end, product):
        keep_apart()
        first, last = word(word(job, FIELD.bounds), number), word(word(job, FIELD.bounds), number + 1)
        row = word(job, FIELD.states) * word(job, FIELD.width) * word(job, FIELD.size)
        ds = word(job, FIELD.ds) + first * row
        if end == word(job, FIELD.stop):
            bring(job, first, last, word(job, FIELD.ds_in), ds)
        stop = min(end, word(word(job, FIELD.lengths), first) if last > first else 0)
        if begin < stop:
            chunk_back(job, first, last, begin, stop, ds, product)
        if begin == word(job, FIELD.start):
            for b in range(first, last):
                back(job, b, ds + (b - first) * row, word(job, FIELD.ds_out))

    return compiled_c(engine_backward, 5, dtype)
