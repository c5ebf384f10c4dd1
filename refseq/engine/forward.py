"""The time loop of a slice of rows, for any cell.

A chunk of steps at a time: the affine maps of x for the whole chunk, which is one large product; then step by step the
recurrent products and the stages' functions. Pre-activations stay in the cache; nothing waits for another slice.
"""

from functools import cache

from numba.extending import register_jitable

from refseq.engine import vector
from refseq.engine.calling import caller
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.job import FIELD, INSTRUCTION, LINE, ONE, PRODUCT, STAGE, TILT, TILT_LINE, TILTED
from refseq.engine.memory import keep_apart, loader, storer, word
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
from refseq.engine.stages import RUN


@cache
def forward(dtype: str) -> CFunction:
    """A slice's rows through the steps start <= t < stop: f(job, slice, add_product)."""
    copy, add = copying(dtype).copy, copying(dtype).add
    multiply, run = caller(8), caller(RUN)
    gather_x, gather_masks = gathering(dtype)
    bring, back = states_between(dtype)

    element = vector.element_of(dtype)
    load, store = loader(element), storer(element)

    @register_jitable
    def tilt(job, line, first, count, n, source, stride, a):
        """The rows' own changes to a gate, for n rows: first, ..., first + count - 1 again and again."""
        size, width, slots = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.slots)
        for r in range(n):
            row = word(word(job, FIELD.order), first + r % count)
            mine = word(job, FIELD.tilts) + row * TILT_LINE
            if word(mine, TILTED.gate) == word(line, INSTRUCTION.address):
                place = (r * slots + word(line, INSTRUCTION.slot)) * width + word(mine, TILTED.unit)
                change = load(word(job, FIELD.tilt_sizes), row)
                if word(line, INSTRUCTION.kind) != ONE:
                    change = change * load(source + r * stride * size, word(mine, TILTED.input))
                store(a, place, load(a, place) + change)

    @register_jitable
    def affine(job, line, first, count, n, source, stride, a, product):
        """One product on n rows, or the operand itself."""
        if word(line, INSTRUCTION.does) == TILT:
            tilt(job, line, first, count, n, source, stride, a)
            return
        size, width, slots = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.slots)
        target = a + word(line, INSTRUCTION.slot) * width * size
        entries = word(line, INSTRUCTION.count)
        if word(line, INSTRUCTION.does) == PRODUCT:
            matrix, vectors = word(job, FIELD.packed) + word(line, INSTRUCTION.address), word(line, INSTRUCTION.vectors)
            multiply(product, source, stride, n, entries, matrix, target, slots * width, vectors)
        else:
            for b in range(n):
                add(target + b * slots * width * size, source + b * stride * size, entries)

    @register_jitable
    def step(job, first, count, n, x, m, old, new, tape, a, product):
        """One step of n rows whose affine maps of x are done."""
        size, width, states = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.states)
        for k in range(word(job, FIELD.program_count)):
            line = word(job, FIELD.program) + k * LINE
            if word(line, INSTRUCTION.does) == STAGE:
                function, units = word(line, INSTRUCTION.address), word(line, INSTRUCTION.count)
                run(function, n, units, width, word(job, FIELD.p_rows), m, old, new, tape, a)
            else:
                kind = word(line, INSTRUCTION.kind)
                source = operand(kind, x, old, new, tape) + word(line, INSTRUCTION.row) * width * size
                stride = operand(kind, 0, states, states, word(job, FIELD.stored)) * width
                affine(job, line, first, count, n, source, stride, a, product)

    def engine_forward(job, number, product):
        keep_apart()
        first, last = word(word(job, FIELD.bounds), number), word(word(job, FIELD.bounds), number + 1)
        size, width, inputs = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.inputs)
        slots, masks, chunk = word(job, FIELD.slots), word(job, FIELD.masks), word(job, FIELD.chunk)
        outputs, count = word(job, FIELD.outputs), last - first
        stop = min(word(job, FIELD.stop), word(word(job, FIELD.lengths), first) if count else 0)
        a = word(job, FIELD.a) + chunk * first * slots * width * size
        x = word(job, FIELD.x_rows) + chunk * first * inputs * size
        m = word(job, FIELD.m_rows) + chunk * first * masks * width * size
        begin = word(job, FIELD.start)
        bring(job, first, last, word(job, FIELD.s0), states_at(job, begin, first))
        while begin < stop:
            end = min(begin + chunk, stop)
            gather_x(job, first, last, begin, end, x)
            gather_masks(job, first, last, begin, end, m)
            for r in range((end - begin) * count):
                copy(a + r * slots * width * size, word(job, FIELD.bias), slots * width)
            for k in range(word(job, FIELD.ahead_count)):
                line = word(job, FIELD.ahead) + k * LINE
                affine(job, line, first, count, (end - begin) * count, x, inputs, a, product)
            for t in range(begin, end):
                n, done = running(job, first, last, t), (t - begin) * count
                new = states_at(job, t + 1, first)
                step(
                    job,
                    first,
                    count,
                    n,
                    x + done * inputs * size,
                    m + done * masks * width * size,
                    states_at(job, t, first),
                    new,
                    tape_at(job, t, first),
                    a + done * slots * width * size,
                    product,
                )
                for b in range(n):
                    y = word(job, FIELD.y) + callers_row(job, first + b, t) * outputs * size
                    copy(y, new + b * word(job, FIELD.states) * width * size, outputs)
            begin = end
        for b in range(first, last):
            t = max(min(word(job, FIELD.stop), word(word(job, FIELD.lengths), b)), word(job, FIELD.start))
            back(job, b, states_at(job, t, b), word(job, FIELD.final))

    return compiled_c(engine_forward, 3, dtype)
