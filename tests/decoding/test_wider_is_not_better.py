"""A wider beam may find a worse sequence, and a more probable one may have a worse BLEU (L2.10 says "larger k is
better")."""

import numpy as np

from refseq.decoding import beam_search, corpus_bleu, exhaustive, lecture_bleu
from refseq.markov import ngram

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


def test_a_corpus_whose_bleu_falls_with_the_width():
    """A chain fitted to sentences that a random chain made, which go on from their first symbols: found by a
    search over seeds: every doubling of the width raises the mean score and lowers BLEU."""
    symbols, sentences, steps, rng = 6, 30, 12, np.random.default_rng(107)
    p = rng.dirichlet(np.full(symbols, 0.4), symbols)
    x, lengths = np.zeros((steps, sentences), np.int64), np.full(sentences, steps)
    x[0] = 1 + np.arange(sentences) % (symbols - 1)
    for b in range(sentences):
        for t in range(1, steps):
            x[t, b] = rng.choice(symbols, p=p[x[t - 1, b]])
            if x[t, b] == 0:
                lengths[b] = t + 1
                break
    model = ngram(symbols, 1)
    step, labels = model.stepper(model.fit(x, lengths)), [[x[1 : lengths[b], b].tolist()] for b in range(sentences)]
    scores, bleu = [], []
    for width in (1, 2, 4, 8):
        found = beam_search(step, model.start(sentences), x[0], width=width, cap=steps - 1, stop=0)
        scores.append(found.scores[:, 0].mean())
        bleu.append(corpus_bleu([found.sequence(b) for b in range(sentences)], labels).score)
    assert (np.diff(scores) > 0).all()
    assert (np.diff(bleu) < 0).all()
    assert bleu[0] > 2 * bleu[-1] > 0.1
