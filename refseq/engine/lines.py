"""The instructions of a step, run for some rows: what layers and trees, and all ways of sharing a step, have in common.

An instruction is about the units from ``begin`` on: of all, or of a share of them (``refseq.engine.shares``). A row has
``olds`` old states: in a layer those of the step before, in a tree those of all children. Old states that no row has,
those of absent children, are 0: their products are left out. ``present`` has a bit for every position at which some row
has a child.
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.engine import vector
from refseq.engine.calling import caller
from refseq.engine.job import FIELD, INSTRUCTION, LINE, OLD, ONE, PRODUCT, STAGE, TILT, TILT_LINE, TILTED
from refseq.engine.memory import loader, storer, word
from refseq.engine.rows import copying, operand
from refseq.engine.stages import PULL, RUN

ALL = -1
"""``present``: every position."""


@register_jitable
def _absent(job, line, present):
    """Whether the operand is an old state that no row has."""
    if present == ALL or word(line, INSTRUCTION.kind) != OLD:
        return False
    return (present >> (word(line, INSTRUCTION.row) // word(job, FIELD.states))) & 1 == 0


@cache
def affine(dtype: str) -> Callable:
    """f(job, line, first, count, n, source, stride, a, product): one product on n rows, or the operand itself."""
    add, multiply = copying(dtype).add, caller(8)
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
    def run(job, line, first, count, n, source, stride, a, product):
        if word(line, INSTRUCTION.does) == TILT:
            tilt(job, line, first, count, n, source, stride, a)
            return
        size, width, slots = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.slots)
        begin, entries = word(line, INSTRUCTION.begin), word(line, INSTRUCTION.count)
        target = a + (word(line, INSTRUCTION.slot) * width + begin) * size
        if word(line, INSTRUCTION.does) == PRODUCT:
            matrix, vectors = word(job, FIELD.packed) + word(line, INSTRUCTION.address), word(line, INSTRUCTION.vectors)
            multiply(product, source, stride, n, entries, matrix, target, slots * width, vectors)
        else:
            for b in range(n):
                add(target + b * slots * width * size, source + (b * stride + begin) * size, entries)

    return run


@cache
def forward_lines(dtype: str) -> Callable:
    """f(job, lines, many, first, count, n, olds, present, x, m, old, new, tape, a, product): so many instructions for n
    rows whose affine maps of x are done."""
    line_of, run = affine(dtype), caller(RUN)

    @register_jitable
    def run_lines(job, lines, many, first, count, n, olds, present, x, m, old, new, tape, a, product):
        size, width, states = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.states)
        for k in range(many):
            line = lines + k * LINE
            if word(line, INSTRUCTION.does) == STAGE:
                function, units = word(line, INSTRUCTION.address), word(line, INSTRUCTION.count)
                at = word(line, INSTRUCTION.begin) * size
                p = word(job, FIELD.p_rows) + at
                run(function, n, units, width, p, m + at, old + at, new + at, tape + at, a + at)
            elif not _absent(job, line, present):
                kind = word(line, INSTRUCTION.kind)
                source = operand(kind, x, old, new, tape) + word(line, INSTRUCTION.row) * width * size
                stride = operand(kind, 0, olds, states, word(job, FIELD.stored)) * width
                line_of(job, line, first, count, n, source, stride, a, product)

    return run_lines


@cache
def affine_back(dtype: str) -> Callable:
    """f(job, line, n, target, stride, da, product): the adjoint of one product on n rows, in its operand."""
    add, multiply = copying(dtype).add, caller(8)

    @register_jitable
    def run(job, line, n, target, stride, da, product):
        size, width, slots = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.slots)
        source, to = da + word(line, INSTRUCTION.slot) * width * size, target + word(line, INSTRUCTION.begin) * size
        count = word(line, INSTRUCTION.count)
        if word(line, INSTRUCTION.does) == PRODUCT:
            matrix, vectors = word(job, FIELD.packed) + word(line, INSTRUCTION.address), word(line, INSTRUCTION.vectors)
            multiply(product, source, slots * width, n, count, matrix, to, stride, vectors)
        else:
            source += word(line, INSTRUCTION.begin) * size
            for b in range(n):
                add(to + b * stride * size, source + b * slots * width * size, count)

    return run


@cache
def backward_lines(dtype: str) -> Callable:
    """f(job, lines, many, n, olds, present, m, old, new, tape, ds, d0, dv, da, dp, product): the adjoints of so many
    instructions."""
    line_of, pull = affine_back(dtype), caller(PULL)

    @register_jitable
    def run_lines(job, lines, many, n, olds, present, m, old, new, tape, ds, d0, dv, da, dp, product):
        size, width = word(job, FIELD.size), word(job, FIELD.width)
        states, vectors = word(job, FIELD.states), word(job, FIELD.vectors)
        for k in range(many):
            line = lines + k * LINE
            if word(line, INSTRUCTION.does) == STAGE:
                function, units = word(line, INSTRUCTION.address), word(line, INSTRUCTION.count)
                at = word(line, INSTRUCTION.begin) * size
                p, given = word(job, FIELD.p_rows) + at, (m + at, old + at, new + at, tape + at)
                pull(function, n, units, width, p, *given, ds + at, d0 + at, dv + at, da + at, dp + at)
            elif not _absent(job, line, present):
                kind = word(line, INSTRUCTION.kind)
                target = operand(kind, 0, d0, ds, dv) + word(line, INSTRUCTION.row) * width * size
                line_of(job, line, n, target, operand(kind, 0, olds, states, vectors) * width, da, product)

    return run_lines
