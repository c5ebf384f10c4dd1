"""How a driver finds its way: rows of a slice, times of a row, operands; and the copying of rows.

All functions are for numba alone. ``load`` and ``store`` are those of a precision (``refseq.engine.memory``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from numba.extending import register_jitable

from refseq.engine import vector
from refseq.engine.job import FIELD, NEW, OLD, X
from refseq.engine.memory import loader, storer, word


@register_jitable
def time_of(job, b, t):
    """The time at which the sorted row b takes its step t."""
    return word(word(job, FIELD.lengths), b) - 1 - t if word(job, FIELD.reverse) else t


@register_jitable
def running(job, first, last, t):
    """How many of the sorted rows first <= b < last still run at step t."""
    lengths, n = word(job, FIELD.lengths), last - first
    while n > 0 and word(lengths, first + n - 1) <= t:
        n -= 1
    return n


@register_jitable
def callers_row(job, b, t):
    """The place of the sorted row b at its step t in arrays of the caller, (T, B, ...)."""
    return time_of(job, b, t) * word(job, FIELD.rows) + word(word(job, FIELD.order), b)


@register_jitable
def like_the_one_before(job, first, b):
    """Whether the sorted row b of a slice that begins with ``first`` has the same x as row b - 1."""
    alike, order = word(job, FIELD.alike), word(job, FIELD.order)
    return b > first and word(alike, word(order, b)) == word(alike, word(order, b - 1))


@register_jitable
def operand(kind, x, old, new, tape):
    """The array that has an operand of this kind."""
    if kind == X:
        return x
    if kind == OLD:
        return old
    return new if kind == NEW else tape


@dataclass(frozen=True)
class Copying:
    """copy, add: (target, source, count) entries; clear: (target, count)."""

    copy: Callable
    add: Callable
    clear: Callable


@cache
def copying(dtype: str) -> Copying:
    """The copying of rows in this precision."""
    element = vector.element_of(dtype)
    load, store, zero = loader(element), storer(element), element(0)

    @register_jitable
    def copy(target, source, count):
        for j in range(count):
            store(target, j, load(source, j))

    @register_jitable
    def add(target, source, count):
        for j in range(count):
            store(target, j, load(target, j) + load(source, j))

    @register_jitable
    def clear(target, count):
        for j in range(count):
            store(target, j, zero)

    return Copying(copy, add, clear)


@register_jitable
def states_at(job, t, b):
    """The states of the sorted row b before step t: of every step, or of this one and the next alone."""
    n = t - word(job, FIELD.start)
    step = n if word(job, FIELD.keep) else n % 2
    place = (step * word(job, FIELD.rows) + b) * word(job, FIELD.states) * word(job, FIELD.width)
    return word(job, FIELD.s) + place * word(job, FIELD.size)


@register_jitable
def tape_at(job, t, b):
    """The tape of step t of the sorted row b."""
    step = (t - word(job, FIELD.start)) * word(job, FIELD.keep)
    place = (step * word(job, FIELD.rows) + b) * word(job, FIELD.stored) * word(job, FIELD.width)
    return word(job, FIELD.tape) + place * word(job, FIELD.size)


@cache
def states_between(dtype: str) -> tuple[Callable, Callable]:
    """bring(job, first, last, source, to): the caller's states (B, S, wide) to sorted rows first <= b < last.
    back(job, b, source, to): those of one sorted row to the caller's."""
    moves = copying(dtype)
    copy, clear = moves.copy, moves.clear

    @register_jitable
    def bring(job, first, last, source, to):
        size, wide, width = word(job, FIELD.size), word(job, FIELD.wide), word(job, FIELD.width)
        states = word(job, FIELD.states)
        for b in range(last - first):
            row = word(word(job, FIELD.order), first + b)
            for k in range(states):
                target = to + (b * states + k) * width * size
                copy(target, source + (row * states + k) * wide * size, wide)
                clear(target + wide * size, width - wide)

    @register_jitable
    def back(job, b, source, to):
        size, wide, width = word(job, FIELD.size), word(job, FIELD.wide), word(job, FIELD.width)
        states, row = word(job, FIELD.states), word(word(job, FIELD.order), b)
        for k in range(states):
            copy(to + (row * states + k) * wide * size, source + k * width * size, wide)

    return bring, back


@cache
def gathering(dtype: str) -> tuple[Callable, Callable]:
    """Gather the rows of x, and of the masks, of a slice's steps begin <= t < end: (job, first, last, begin, end, to).

    Rows that have ended get zeros: their pre-activations are computed with the others', and not looked at.
    """
    moves = copying(dtype)
    copy, clear = moves.copy, moves.clear

    @register_jitable
    def gather_x(job, first, last, begin, end, to):
        size, inputs = word(job, FIELD.size), word(job, FIELD.inputs)
        for t in range(begin, end):
            n = running(job, first, last, t)
            for b in range(last - first):
                target = to + ((t - begin) * (last - first) + b) * inputs * size
                if b < n:
                    copy(target, word(job, FIELD.x) + callers_row(job, first + b, t) * inputs * size, inputs)
                else:
                    clear(target, inputs)

    @register_jitable
    def gather_masks(job, first, last, begin, end, to):
        size, width, masks = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.masks)
        entries = word(job, FIELD.mask_size)
        for t in range(begin, end if masks else begin):
            for b in range(running(job, first, last, t)):
                for q in range(masks):
                    target = to + (((t - begin) * (last - first) + b) * masks + q) * width * size
                    copy(
                        target,
                        word(job, FIELD.m) + (callers_row(job, first + b, t) * masks + q) * entries * size,
                        entries,
                    )
                    clear(target + entries * size, width - entries)

    return gather_x, gather_masks
