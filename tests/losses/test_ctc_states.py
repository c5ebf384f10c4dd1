"""Which states of a CTC target live in which frame, against every alignment."""

from itertools import pairwise, product

import numpy as np
import pytest

from refseq.losses.ctc_trellis import NUMBERS, blank_lives, label_lives, requirements, skips

TARGETS = [labels for length in range(4) for labels in product((1, 2), repeat=length)]


def alignments(labels, frames):
    """All sequences of states blank 0, label 1, blank 1, ...: state 2 j is blank j, and 2 j - 1 label j."""

    def follows(state, before):
        step = state - before
        spoken = state % 2 == 1
        skip = step == 2 and spoken and labels[state // 2] != labels[state // 2 - 1]
        return step in (0, 1) or skip

    last = 2 * len(labels)
    for path in product(range(last + 1), repeat=frames):
        ends = path[0] <= 1 and path[-1] >= last - 1
        if ends and all(follows(state, before) for before, state in pairwise(path)):
            yield path


@pytest.mark.parametrize("labels", TARGETS)
def test_a_state_lives_where_an_alignment_may_be(labels):
    count, need = len(labels), np.full(len(labels) + 2, 9)
    total = requirements(need, np.array(labels, int), 0, count, 0)
    least = next(n for n in range(1, 7) if list(alignments(labels, n)))
    assert total == (least if labels else 0)
    for frames in range(max(total, 1), 6):
        there = set(places(alignments(labels, frames)))
        for t in range(frames):
            for j in range(count + 1):
                assert blank_lives(j, t, frames, need, count) == ((t, 2 * j) in there), (frames, t, j)
                assert j == 0 or label_lives(j, t, frames, need, count) == ((t, 2 * j - 1) in there), (frames, t, j)


def places(paths):
    for path in paths:
        yield from enumerate(path)


@pytest.mark.parametrize("labels", TARGETS)
def test_equal_labels_are_not_skipped_to(labels):
    count, need = len(labels), np.full(len(labels) + 2, 9)
    requirements(need, np.array(labels, int), 0, count, 0)
    assert [skips(j, need) for j in range(2, count + 1)] == [a != b for a, b in pairwise(labels)]
    assert count == 0 or not skips(1, need)


def test_the_largest_is_one_that_lives():
    """Labels 1 2 in 4 frames: in frame 0 no more than blank 0 and label 1."""
    need = np.zeros(4, int)
    requirements(need, np.array([1, 2]), 0, 2, 0)
    blanks, labels = np.array([-3.0, 9.0, 9.0]), np.array([9.0, -2.0, 9.0])
    assert [NUMBERS.largest(blanks, labels, need, 2, t, 4) for t in (0, 1)] == [-2, 9]
    assert NUMBERS.largest(blanks, -labels, need, 2, 0, 4) == 2
    assert NUMBERS.largest(blanks, labels * 2, need, 2, 0, 4) == -3
