"""A wider beam may find a worse sequence, and a more probable one may have a worse BLEU (L2.10 says "larger k is
better")."""

import numpy as np

from refseq.decoding import beam_search, exhaustive, lecture_bleu

START, A, B, X, Y, Z, C = range(7)


def chain(rows):
    """The step of a Markov chain with these probabilities; what is not named is impossible, but for rows without any,
    which are uniform."""
    p = np.zeros((7, 7))
    for before, after in rows.items():
        for symbol, probability in after.items():
            p[before, symbol] = probability
    p[p.sum(axis=1) == 0] = 1 / 7
    with np.errstate(divide="ignore"):
        table = np.log(p)

    def step(state, tokens):
        return table[tokens], state

    return step


def search(step, width, cap):
    return beam_search(step, None, np.array([START]), width=width, cap=cap)


def test_a_worse_sequence():
    """Width 2 drops A X for B Y and B Z, after which nothing is likely."""
    spread = {START: 0.1875, A: 0.1875, B: 0.1875, X: 0.25, Y: 0.1875}
    step = chain({START: {A: 0.5, B: 0.5 - 1 / 32, C: 1 / 32}, A: spread, B: {Y: 0.5, Z: 0.5}, X: {C: 1.0}})
    narrow, wide = search(step, 1, 3), search(step, 2, 3)
    assert narrow.sequence() == [A, X, C]
    assert narrow.sequence() == exhaustive(step, None, np.array([START]), cap=3).sequence()
    assert wide.sequence()[:2] == [B, Y]
    assert wide.scores[0, 0] < narrow.scores[0, 0] - 0.3
    assert search(step, 4, 3).scores[0, 0] == narrow.scores[0, 0]


def test_a_better_sequence_of_worse_bleu():
    """The label is what is likely at every step; as a whole something else is likelier."""
    step, label = chain({START: {A: 0.6, B: 0.4}, A: {X: 0.5, Y: 0.25, Z: 0.25}, B: {C: 1.0}}), [A, X]
    narrow, wide = search(step, 1, 2), search(step, 2, 2)
    assert wide.scores[0, 0] > narrow.scores[0, 0]
    assert lecture_bleu(narrow.sequence(), label, 2) == 1
    assert lecture_bleu(wide.sequence(), label, 2) == 0
