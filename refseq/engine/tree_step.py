"""One step of a cell of a tree on n rows, nodes or edges, and its adjoint: programs as in ``refseq.engine.job``."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from numba.extending import register_jitable

from refseq.engine import vector
from refseq.engine.job import FIELD, LINE
from refseq.engine.lanes import spread
from refseq.engine.lines import affine, affine_back, backward_lines, forward_lines
from refseq.engine.memory import strip_of, word


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
    moves = moving(dtype)
    copy, clear = moves.copy, moves.clear
    line_of, line_back = affine(dtype), affine_back(dtype)
    run_lines, pull_lines = forward_lines(dtype), backward_lines(dtype)

    @register_jitable
    def ahead(job, n, x, a, product):
        apart = word(job, FIELD.slots) * word(job, FIELD.width)
        for r in range(n):
            copy(a + r * apart * word(job, FIELD.size), word(job, FIELD.bias), apart)
        for k in range(word(job, FIELD.ahead_count)):
            line_of(job, word(job, FIELD.ahead) + k * LINE, 0, n, n, x, word(job, FIELD.padded_inputs), a, product)

    @register_jitable
    def step(job, n, olds, present, old, new, tape, a, product):
        program, many = word(job, FIELD.program), word(job, FIELD.program_count)
        run_lines(job, program, many, 0, n, n, olds, present, 0, 0, old, new, tape, a, product)

    @register_jitable
    def back(job, n, olds, present, old, new, tape, ds, d0, dv, da, product):
        width = word(job, FIELD.width)
        clear(d0, n * olds * width)
        clear(dv, n * word(job, FIELD.vectors) * width)
        program, many = word(job, FIELD.back), word(job, FIELD.back_count)
        pull_lines(job, program, many, n, olds, present, 0, old, new, tape, ds, d0, dv, da, 0, product)

    @register_jitable
    def after(job, n, dx, da, product):
        for k in range(word(job, FIELD.after_count)):
            line_back(job, word(job, FIELD.after) + k * LINE, n, dx, word(job, FIELD.padded_inputs), da, product)

    return Stepping(ahead, step, back, after)
