"""The states of connectionist temporal classification, and what runs over them: one number at a time, or vectors.

A target of L labels has the states blank 0, label 1, blank 1, ..., label L, blank L: which label was the last one, and
whether a blank came after it. Its first j labels take need[j] frames at least: j, and one more for every pair of equal
neighbours, between which a blank must stand. A state lives in frame t of n if an alignment may be there then: it can be
reached by then, and the end can be reached from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import getitem

from numba.extending import register_jitable

from refseq.lanes import ONE, Lanes
from refseq.primitives import order

KINDS = 2
"""Rows of states: blanks, labels."""


@dataclass(frozen=True)
class Trellis:
    """
    lanes                   entries of a row
    present(condition)      whether the states from entry j on are there; True for vectors, which mark each absent one
                            by a logarithm that is as good as -inf
    lowered(x, bias, j)     x, which goes by a skip to the labels from entry j on, marked where there is none
    line(need, room)        the numbers need[j] of this room
    clear(row, x)           marks all states of a row by x; nothing where absent ones are never looked at
    close(row, j)           0 from entry j on, for as many entries as a loop may read beyond what it writes
    largest                 of (blanks, labels, need, count, t, n): the largest alpha of a state that lives in frame t
    """

    lanes: Lanes
    present: Callable
    lowered: Callable
    line: Callable
    clear: Callable
    close: Callable
    largest: Callable


@register_jitable
def requirements(need, labels, begin, count, lane):
    """The frames that all labels take; the first thread of a team fills need."""
    total = 0
    if lane == 0:
        need[0] = 0
    for j in range(1, count + 1):
        total += 2 if j > 1 and labels[begin + j - 1] == labels[begin + j - 2] else 1
        if lane == 0:
            need[j] = total
    return total


@register_jitable
def blank_lives(j, t, n, need, count):
    """Whether an alignment may be in blank j in frame t."""
    rest = need[count] - need[j + 1] + 1 if j < count else 0
    return need[j] <= t and t + rest < n


@register_jitable
def label_lives(j, t, n, need, count):
    """Whether an alignment may be in label j in frame t."""
    return need[j] <= t + 1 and t + need[count] - need[j] < n


@register_jitable
def skips(j, need):
    """Whether label j may follow label j - 1 without a blank between them."""
    return j > 1 and need[j] == need[j - 1] + 1


@register_jitable
def _same(condition):
    return condition


@register_jitable
def _unchanged(x, bias, j):
    return x


@register_jitable
def _nothing(row, second):
    pass


@register_jitable
def _largest(blanks, labels, need, count, t, n):
    most, found = blanks[0], False
    for j in range(count + 1):
        if blank_lives(j, t, n, need, count) and (not found or order(blanks[j]) > order(most)):
            most, found = blanks[j], True
        if j > 0 and label_lives(j, t, n, need, count) and (not found or order(labels[j]) > order(most)):
            most, found = labels[j], True
    return most


NUMBERS = Trellis(ONE, _same, _unchanged, getitem, _nothing, _nothing, _largest)
"""One number at a time, of any field."""
