"""BLEU: the lecture's example, exact rationals, what must not matter, sacrebleu."""

import math
from fractions import Fraction

import numpy as np
import pytest

from refseq.decoding import bleu, corpus_bleu, lecture_bleu
from refseq.decoding.bleu import precisions

LABEL, PREDICTION = list("ABCDEF"), list("ABBCD")


def corpus(rng, sentences=None, words=6, most=9):
    """Predictions and references, often alike, sometimes empty."""
    predictions, references = [], []
    for _ in range(rng.integers(1, 5) if sentences is None else sentences):
        first = [str(w) for w in rng.integers(0, words, rng.integers(1, most))]
        others = [[str(w) for w in rng.integers(0, words, rng.integers(1, most))] for _ in range(rng.integers(0, 3))]
        prediction = [w if rng.random() < 0.8 else str(rng.integers(0, words)) for w in first]
        predictions.append(prediction[: rng.integers(0, most)] + first[: rng.integers(0, 2)])
        references.append([first, *others])
    return predictions, references


def test_the_lecture():
    assert precisions(PREDICTION, LABEL, 4) == [Fraction(4, 5), Fraction(3, 4), Fraction(1, 3), 0]
    assert lecture_bleu(PREDICTION, LABEL, 4) == 0
    want = math.exp(1 - 6 / 5) * (4 / 5) ** 0.5 * (3 / 4) ** 0.25 * (1 / 3) ** 0.125
    assert lecture_bleu(PREDICTION, LABEL, 3) == pytest.approx(want, rel=1e-15)
    assert lecture_bleu(LABEL, LABEL, 4) == 1
    assert lecture_bleu([], LABEL, 2) == 0
    assert lecture_bleu(["A"], ["A"], 2) == 0  # it has no pairs of words


def occurrences(tokens, gram):
    n = len(gram)
    return sum(tokens[k : k + n] == gram for k in range(len(tokens) - n + 1))


def by_definition(predictions, references, order):
    """Matches and totals, from the definition of clipping."""
    matches, totals = [0] * order, [0] * order
    for prediction, labels in zip(predictions, references, strict=True):
        for n in range(1, order + 1):
            grams = [prediction[k : k + n] for k in range(len(prediction) - n + 1)]
            totals[n - 1] += len(grams)
            for gram in {tuple(gram) for gram in grams}:
                most = max(occurrences(label, list(gram)) for label in labels)
                matches[n - 1] += min(occurrences(prediction, list(gram)), most)
    return tuple(matches), tuple(totals)


def test_exact_rationals():
    rng = np.random.default_rng(0)
    for _ in range(200):
        predictions, references = corpus(rng)
        found = corpus_bleu(predictions, references, smoothing="none")
        matches, totals = by_definition(predictions, references, 4)
        assert (found.matches, found.totals) == (matches, totals)
        if all(matches):
            product = math.prod(Fraction(match, total) for match, total in zip(matches, totals, strict=True))
            assert (found.score / found.brevity) ** 4 == pytest.approx(float(product), rel=1e-13)
        else:
            assert found.score == 0


def test_a_planted_error_is_seen(monkeypatch):
    monkeypatch.setattr(bleu, "matched", lambda prediction, labels, n: (bleu.ngrams(prediction, n)).total())
    with pytest.raises(AssertionError):
        test_exact_rationals()


@pytest.mark.parametrize("smoothing", bleu.SMOOTHING)
@pytest.mark.parametrize("effective", [False, True])
def test_what_holds_for_all(smoothing, effective):
    rng = np.random.default_rng(1)
    for _ in range(60):
        predictions, references = corpus(rng)
        given = {"smoothing": smoothing, "effective_order": effective}
        found = corpus_bleu(predictions, references, **given)
        assert 0 <= found.score <= 1
        order = rng.permutation(len(predictions))
        shuffled = [predictions[k] for k in order], [[*references[k][::-1], references[k][0]] for k in order]
        assert corpus_bleu(*shuffled, **given).score == found.score
        named = [[f"w{w}" for w in p] for p in predictions], [[[f"w{w}" for w in r] for r in rs] for rs in references]
        assert corpus_bleu(*named, **given) == found
        more = corpus_bleu(predictions, [[*rs, predictions[0]] for rs in references], **given)
        assert all(a >= b for a, b in zip(more.matches, found.matches, strict=True))
        own = [p for p in predictions if len(p) >= 4]
        if own:
            assert corpus_bleu(own, [[p] for p in own], **given).score == pytest.approx(1)
        assert (found.brevity == 1) == (found.predicted >= found.wanted)
        assert corpus_bleu([["x"] * 5], [[["y"] * 5]], **given).score == 0


def test_edges():
    assert corpus_bleu([], []).score == 0
    assert corpus_bleu([[]], [[["a"]]]).score == 0
    the = corpus_bleu([["the"] * 7], [[["the", "cat", "is", "on", "the", "mat"]]])
    assert (the.matches[0], the.totals[0]) == (2, 7)
    assert corpus_bleu([["a"] * 3], [[["a"] * 4, ["a"] * 2]]).wanted == 2  # equally close: the shorter one
    assert corpus_bleu([["a"] * 3], [[["b"] * 9, ["a"] * 4]]).wanted == 4
    assert corpus_bleu([["a"] * 3], [[["a"] * 4]]).brevity == pytest.approx(math.exp(1 - 4 / 3))
    assert corpus_bleu([["a"] * 9], [[["a"] * 4]]).brevity == 1
    assert corpus_bleu([["a", "b"]], [[["a", "c"]]], order=1).score == 0.5


def test_it_is_no_mean_of_sentences():
    predictions, references = [["a"] * 4, ["b"] * 8], [[["a"] * 4], [["c"] * 8]]
    assert corpus_bleu(predictions, references, order=1).score == pytest.approx(4 / 12)


def test_smoothing_without_any_effect():
    """Where nothing is smoothed, all are alike: a sum of 0 added, or a match for every n."""
    rng = np.random.default_rng(2)
    predictions, references = corpus(rng, sentences=200, words=3, most=20)
    plain = corpus_bleu(predictions, references, smoothing="none").score
    assert plain > 0
    for smoothing, amount in [("exp", None), ("floor", None), ("add-k", 0.0)]:
        assert corpus_bleu(predictions, references, smoothing=smoothing, amount=amount).score == plain
    assert corpus_bleu(predictions, references, smoothing="add-k").score == pytest.approx(plain, rel=1e-2)


@pytest.mark.parametrize("smoothing", bleu.SMOOTHING)
def test_sacrebleu(smoothing):
    """1,000 random corpora between the smoothing methods, each with and without effective order."""
    sacre = pytest.importorskip("sacrebleu")
    rng = np.random.default_rng(3)
    for k in range(250):
        predictions, references = corpus(rng, words=int(rng.integers(2, 9)))
        amount = None if smoothing in ("none", "exp") or k % 2 else float(rng.random())
        lines = [" ".join(tokens) for tokens in predictions]
        most = max(len(labels) for labels in references)
        streams = [[" ".join(labels[i]) if i < len(labels) else None for labels in references] for i in range(most)]
        for effective in (False, True):
            theirs = sacre.corpus_bleu(
                lines,
                streams,
                smooth_method=smoothing,
                smooth_value=amount,
                tokenize="none",
                use_effective_order=effective,
            )
            ours = corpus_bleu(predictions, references, smoothing=smoothing, amount=amount, effective_order=effective)
            assert 100 * ours.score == pytest.approx(theirs.score, rel=1e-12, abs=1e-12)
            assert list(ours.matches) == [int(c) for c in theirs.counts] or smoothing == "add-k"
            assert (ours.predicted, ours.wanted) == (theirs.sys_len, theirs.ref_len)
            if any(ours.matches):
                np.testing.assert_allclose(100 * np.array(ours.precisions), theirs.precisions, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: corpus_bleu([["a"]], []), "references: expected those of 1 predictions, got 0"),
        (lambda: corpus_bleu([["a"]], [[]]), r"references\[0\]: expected at least one reference, got none"),
        (lambda: corpus_bleu(["a b"], [[["a"]]]), r"predictions\[0\]: expected a list of tokens, got str"),
        (lambda: corpus_bleu([["a"]], ["a"]), r"references\[0\]\[0\]: expected a list of tokens, got str"),
        (lambda: corpus_bleu([], [], smoothing="other"), "smoothing: expected one of none, floor, add-k, exp"),
        (lambda: corpus_bleu([], [], amount=1.0), "amount: expected a number >= 0 for floor and add-k"),
        (lambda: corpus_bleu([], [], order=0), "order: expected at least 1, got 0"),
        (lambda: lecture_bleu("ab", ["a"], 1), "prediction: expected a list of tokens, got str"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
