"""Markov chains of order tau: counts by hand, exact probabilities, likelihood, what holds for every smoothing."""

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from refseq.markov import ngram
from refseq.markov.smoothing import SMOOTHING, probabilities

V, LENGTHS = 3, [12, 0, 7, 1, 2]


def drawn(seed=0, symbols=V):
    return np.random.default_rng(seed).integers(0, symbols, (12, len(LENGTHS)))


def sequences(x):
    return [x[:length, b].tolist() for b, length in enumerate(LENGTHS)]


def counted(x, k):
    """By context and symbol."""
    return Counter((tuple(s[t - k : t]), s[t]) for s in sequences(x) for t in range(k, len(s)))


def number(context):
    return sum(symbol * V**place for place, symbol in enumerate(reversed(context)))


def test_counts():
    x = drawn()
    for k, table in enumerate(ngram(V, 2).counts(x, LENGTHS)):
        want = np.zeros((V**k, V), int)
        for (context, symbol), count in counted(x, k).items():
            want[number(context), symbol] = count
        assert table.tolist() == want.tolist()


def exact(x, smoothing, amount, context, symbol, order):
    """p(symbol | context), straight from the definition."""
    k = len(context)
    if smoothing == "kneser_ney" and k < order:
        above = counted(x, k + 1)
        counts = Counter((key[0][1:], key[1]) for key in above)
    else:
        counts = counted(x, k)
    of, total = counts[context, symbol], sum(counts[context, w] for w in range(V))
    if smoothing == "additive":
        return (of + amount) / (total + amount * V) if total + amount else Fraction(1, V)
    below = exact(x, smoothing, amount, context[1:], symbol, order) if k else Fraction(1, V)
    kinds = sum(counts[context, w] > 0 for w in range(V))
    if total == 0:
        return below
    if smoothing == "witten_bell":
        return (of + kinds * below) / (total + kinds)
    return (max(of - amount, 0) + amount * kinds * below) / total


@pytest.mark.parametrize("smoothing", SMOOTHING)
@pytest.mark.parametrize("amount", [Fraction(0), Fraction(3, 4), Fraction(1)])
def test_exact_probabilities(smoothing, amount):
    x, order = drawn(1), 2
    x[x == 2] = np.where(np.arange((x == 2).sum()) % 4, 0, 2)  # some contexts are never seen
    model = ngram(V, order, smoothing, float(amount))
    counts = model.counts(x, LENGTHS)
    tables = probabilities([count.astype(object) * Fraction(1) for count in counts], smoothing, amount)
    fitted = model.fit(x, LENGTHS)
    for k, table in enumerate(tables):
        for context in np.ndindex(*(V,) * k):
            row = [exact(x, smoothing, amount, context, w, order) for w in range(V)]
            assert table[number(context)].tolist() == row
            assert sum(row) == 1
            np.testing.assert_allclose(np.exp(fitted[f"p[{k}]"][number(context)]), np.array(row, float), rtol=1e-14)


def test_a_planted_error_is_seen(monkeypatch):
    monkeypatch.setattr("refseq.markov.smoothing._continuations", lambda count: count.reshape(V, -1, V).sum(axis=0))
    with pytest.raises(AssertionError):
        test_exact_probabilities("kneser_ney", Fraction(3, 4))


@pytest.mark.parametrize("smoothing", SMOOTHING)
@pytest.mark.parametrize("order", [0, 1, 3])
def test_likelihood(smoothing, order):
    x, model = drawn(2), ngram(V, order, smoothing)
    params = model.fit(x, LENGTHS)
    want = [
        sum(params[f"p[{min(t, order)}]"][number(s[max(t - order, 0) : t]), s[t]] for t in range(len(s)))
        for s in sequences(x)
    ]
    np.testing.assert_allclose(model.log_likelihood(params, x, LENGTHS), want, rtol=1e-13)
    assert model.perplexity(params, x, LENGTHS) == pytest.approx(math.exp(-sum(want) / sum(LENGTHS)))
    spoilt = x.copy()
    spoilt[7:, 2] = 99
    assert (model.log_likelihood(params, spoilt, LENGTHS) == model.log_likelihood(params, x, LENGTHS)).all()


def test_perplexity_of_the_uniform_and_of_the_perfect_model():
    x = np.arange(30)[:, None] % 3
    assert ngram(3, 1, amount=1e12).perplexity(ngram(3, 1, amount=1e12).fit(x), x) == pytest.approx(3)
    model = ngram(3, 1, amount=0)
    assert model.perplexity(model.fit(x), x) == pytest.approx(3 ** (1 / 30))  # after the first symbol all is known
    assert model.perplexity(model.fit(x), np.zeros((5, 1), int)) == math.inf
    assert model.perplexity(model.fit(x), x[:0]) == 1


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_step_of_a_decoder(order):
    x, model = drawn(3), ngram(V, order)
    params = model.fit(x, LENGTHS)
    step, state, given = model.stepper(params), model.start(len(LENGTHS)), np.full(len(LENGTHS), -1)
    total = np.zeros(len(LENGTHS))
    for t in range(12):
        logp, state = step(state, given)
        given = x[t]
        total += np.where(t < np.array(LENGTHS), logp[np.arange(len(given)), given], 0)
    np.testing.assert_allclose(total, model.log_likelihood(params, x, LENGTHS), rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ngram(0, 1), "symbols: expected at least 1, got 0"),
        (lambda: ngram(3, -1), "order: expected at least 0, got -1"),
        (lambda: ngram(3, 1, "other"), "smoothing: expected one of additive, witten_bell"),
        (lambda: ngram(3, 1, "absolute", 1.5), r"amount: expected a number in \[0, 1\], got 1.5"),
        (lambda: ngram(3, 1, amount=-1.0), "amount: expected a number at least 0, got -1.0"),
        (lambda: ngram(1000, 3), r"symbols, order: expected V\^\(tau \+ 1\) of at most 67108864, got 1000\^4"),
        (lambda: ngram(2, 1).fit(drawn()), r"x: expected 0 <= symbol < V = 2, got 2 at"),
        (lambda: ngram(3, 1).fit(drawn()[0]), r"x: expected shape \(T, B\), got \(5,\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
