"""One step of a cell of a tree on n rows, nodes or edges, and its adjoint: programs as in ``refseq.engine.job``.

Old states that no row has, those of absent children, are 0: their products are left out. ``present`` has a bit for
every position at which some row has a child.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from numba.extending import register_jitable

from refseq.engine import vector
from refseq.engine.calling import caller
from refseq.engine.job import FIELD, INSTRUCTION, LINE, OLD, PRODUCT, STAGE
from refseq.engine.lanes import spread
from refseq.engine.memory import strip_of, word
from refseq.engine.rows import copying, operand
from refseq.engine.stages import PULL, RUN

ALL = -1
"""``present``: every position."""


@dataclass(frozen=True)
class Moving:
    """Rows of the engine's, whole vectors: copy, add (target, source, count) entries; clear (target, count)."""

    copy: Callable
    add: Callable
    clear: Callable


@cache
def moving(dtype: str) -> Moving:
    """The moving of rows in this precision."""
    element, lanes = vector.element_of(dtype), vector.lanes(dtype)
    strip, zero = strip_of(element), element(0)

    @register_jitable
    def copy(target, source, count):
        to, of = strip(target, 0), strip(source, 0)
        for j in range(0, count, lanes):
            to[0, j] = of[0, j]

    @register_jitable
    def add(target, source, count):
        to, of = strip(target, 0), strip(source, 0)
        for j in range(0, count, lanes):
            to[0, j] = to[0, j] + of[0, j]

    @register_jitable
    def clear(target, count):
        to, nothing = strip(target, 0), spread(zero)
        for j in range(0, count, lanes):
            to[0, j] = nothing

    return Moving(copy, add, clear)


@dataclass(frozen=True)
class Stepping:
    """ahead(job, n, x, a, product)          pre-activations of n rows begin: biases, and the products of x
    step(job, n, olds, present, old, new, tape, a, product)
    back(job, n, olds, present, old, new, tape, ds, d0, dv, da, product)    d0, dv are cleared, da written
    after(job, n, dx, da, product)           adds the cotangents of x
    """

    ahead: Callable
    step: Callable
    back: Callable
    after: Callable


@cache
def stepping(dtype: str) -> Stepping:
    """The step in this precision."""
    add, moves = copying(dtype).add, moving(dtype)
    copy, clear = moves.copy, moves.clear
    multiply, run, pull = caller(8), caller(RUN), caller(PULL)

    @register_jitable
    def affine(job, line, n, source, stride, target, apart, product):
        """target += the product of n rows, or the rows themselves."""
        size, count = word(job, FIELD.size), word(line, INSTRUCTION.count)
        if word(line, INSTRUCTION.does) == PRODUCT:
            matrix, vectors = word(job, FIELD.packed) + word(line, INSTRUCTION.address), word(line, INSTRUCTION.vectors)
            multiply(product, source, stride, n, count, matrix, target, apart, vectors)
        else:
            for b in range(n):
                add(target + b * apart * size, source + b * stride * size, count)

    @register_jitable
    def absent(job, line, present):
        """Whether the operand is an old state that no row has."""
        position = word(line, INSTRUCTION.row) // word(job, FIELD.states)
        return word(line, INSTRUCTION.kind) == OLD and (present >> position) & 1 == 0

    @register_jitable
    def ahead(job, n, x, a, product):
        size, width, padded = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.padded_inputs)
        apart = word(job, FIELD.slots) * width
        for r in range(n):
            copy(a + r * apart * size, word(job, FIELD.bias), apart)
        for k in range(word(job, FIELD.ahead_count)):
            line = word(job, FIELD.ahead) + k * LINE
            affine(job, line, n, x, padded, a + word(line, INSTRUCTION.slot) * width * size, apart, product)

    @register_jitable
    def step(job, n, olds, present, old, new, tape, a, product):
        size, width, states = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.states)
        for k in range(word(job, FIELD.program_count)):
            line = word(job, FIELD.program) + k * LINE
            if word(line, INSTRUCTION.does) == STAGE:
                function, units = word(line, INSTRUCTION.address), word(line, INSTRUCTION.count)
                run(function, n, units, width, word(job, FIELD.p_rows), 0, old, new, tape, a)
            elif not absent(job, line, present):
                kind = word(line, INSTRUCTION.kind)
                source = operand(kind, 0, old, new, tape) + word(line, INSTRUCTION.row) * width * size
                stride = operand(kind, 0, olds, states, word(job, FIELD.stored)) * width
                target = a + word(line, INSTRUCTION.slot) * width * size
                affine(job, line, n, source, stride, target, word(job, FIELD.slots) * width, product)

    @register_jitable
    def back(job, n, olds, present, old, new, tape, ds, d0, dv, da, product):
        size, width, states = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.states)
        vectors = word(job, FIELD.vectors)
        clear(d0, n * olds * width)
        clear(dv, n * vectors * width)
        for k in range(word(job, FIELD.back_count)):
            line = word(job, FIELD.back) + k * LINE
            if word(line, INSTRUCTION.does) == STAGE:
                function, units = word(line, INSTRUCTION.address), word(line, INSTRUCTION.count)
                pull(function, n, units, width, word(job, FIELD.p_rows), 0, old, new, tape, ds, d0, dv, da, 0)
            elif not absent(job, line, present):
                kind = word(line, INSTRUCTION.kind)
                target = operand(kind, 0, d0, ds, dv) + word(line, INSTRUCTION.row) * width * size
                stride = operand(kind, 0, olds, states, vectors) * width
                source = da + word(line, INSTRUCTION.slot) * width * size
                affine(job, line, n, source, word(job, FIELD.slots) * width, target, stride, product)

    @register_jitable
    def after(job, n, dx, da, product):
        size, width, padded = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.padded_inputs)
        apart = word(job, FIELD.slots) * width
        for k in range(word(job, FIELD.after_count)):
            line = word(job, FIELD.after) + k * LINE
            affine(job, line, n, da + word(line, INSTRUCTION.slot) * width * size, apart, dx, padded, product)

    return Stepping(ahead, step, back, after)
