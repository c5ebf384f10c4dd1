"""Beam search: greedy at width 1, exhaustive at full width, scores, ties, stops, rows, states."""

import numpy as np
import pytest

from refseq.decoding import beam, beam_search, exhaustive, greedy, select_rows
from refseq.markov import ngram
from tests.decoding.models import log_probability, prefix_model, start

B, V, CAP = 3, 4, 4
FIRST = np.array([0, 1, 2])


def same(ours, theirs, tolerance=1e-12):
    width = max(ours.tokens.shape[2], theirs.tokens.shape[2])
    for a, b in zip(padded(ours, width), padded(theirs, width), strict=True):
        assert a.tolist() == b.tolist()
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=tolerance)
    np.testing.assert_allclose(ours.log_probability, theirs.log_probability, rtol=tolerance)


def padded(found, width):
    tokens = np.full((*found.tokens.shape[:2], width), -1)
    tokens[..., : found.tokens.shape[2]] = found.tokens
    return tokens, found.lengths, found.finished


@pytest.mark.parametrize("target", ["cpu", "reference"])
@pytest.mark.parametrize("stop", [None, 2])
@pytest.mark.parametrize("seed", range(5))
def test_width_1_is_greedy(seed, stop, target):
    step = prefix_model(seed, V)
    given = {"cap": 6, "stop": stop}
    same(beam_search(step, start(B), FIRST, width=1, target=target, **given), greedy(step, start(B), FIRST, **given))


@pytest.mark.parametrize("alpha", [0.0, 0.75, 2.0])
@pytest.mark.parametrize("stop", [None, 2])
@pytest.mark.parametrize("seed", range(3))
def test_full_width_is_exhaustive(seed, stop, alpha):
    step = prefix_model(seed, V)
    given = {"cap": CAP, "stop": stop, "alpha": alpha, "best": 20}
    ours = beam_search(step, start(B), FIRST, width=V**CAP + 50, **given)
    same(ours, exhaustive(step, start(B), FIRST, **given))


def test_a_planted_error_is_seen(monkeypatch):
    """States that do not follow their parents."""
    right = beam.gathered
    monkeypatch.setattr(beam, "gathered", lambda state, rows, **more: right(state, np.sort(rows), **more))
    with pytest.raises(AssertionError):
        test_full_width_is_exhaustive(0, 2, 0.75)


@pytest.mark.parametrize("width", [1, 2, 3, 7])
@pytest.mark.parametrize("alpha", [0.0, 0.75])
def test_scores_are_those_of_the_sequences(width, alpha):
    step = prefix_model(11, V)
    found = beam_search(step, start(B), FIRST, width=width, cap=5, stop=3, alpha=alpha, best=width)
    for b in range(B):
        sequences = [tuple(found.sequence(b, k)) for k in range(width)]
        assert len(set(sequences)) == width
        assert (np.diff(found.scores[b]) <= 0).all()
        for k, tokens in enumerate(sequences):
            P = log_probability(step, B, b, FIRST[b], tokens)
            assert found.log_probability[b, k] == pytest.approx(P, rel=1e-13)
            assert found.scores[b, k] == pytest.approx(P / len(tokens) ** alpha, rel=1e-13)
            assert found.finished[b, k] == (tokens[-1] == 3)
            assert found.finished[b, k] or len(tokens) == 5
            assert 3 not in tokens[:-1]
            assert (found.tokens[b, k, len(tokens) :] == -1).all()


def by_sorting(step, width, cap, stop, alpha, rows=B):
    """Beam search with lists that are sorted: (score, rank of the parent, symbol)."""
    found = []
    for b in range(rows):
        one = {"seen": start(rows)["seen"][b : b + 1], "count": [np.zeros(1, int)]}
        beams = [(0.0, 0.0, [], one, FIRST[b], False)]
        for t in range(cap):
            options = []
            for rank, (score, P, tokens, state, last, done) in enumerate(beams):
                if done:
                    options.append((-score, rank, 0, (score, P, tokens, state, last, True)))
                    continue
                logp, after = step(state, np.array([last]))
                for v, more in enumerate(logp[0]):
                    value = (P + more) / (t + 1) ** alpha
                    options.append((-value, rank, v, (value, P + more, [*tokens, v], after, v, v == stop)))
            beams = [option[3] for option in sorted(options, key=lambda option: option[:3])[:width]]
        found.append([beam[2] for beam in beams])
    return found


@pytest.mark.parametrize("target", ["cpu", "reference"])
@pytest.mark.parametrize("width", [2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_equal_scores_are_taken_in_order(seed, width, target):
    """Log-probabilities are few, and exact in float64."""
    step = prefix_model(seed, V, quantised=True)
    found = beam_search(step, start(B), FIRST, width=width, cap=4, stop=1, alpha=0, best=width, target=target)
    assert [[found.sequence(b, k) for k in range(width)] for b in range(B)] == by_sorting(step, width, 4, 1, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("width", "symbols"), [(1, 1), (3, 200), (70, 5), (5, 1000), (8, 64)])
def test_selection(width, symbols, dtype):
    """One step against a sort, many candidates equal, some of them -inf or NaN; on both targets."""
    rng = np.random.default_rng([width, symbols])
    P = np.round(rng.normal(size=(6, width)), 1).astype(dtype)
    logp = np.round(rng.normal(size=(6 * width, symbols)), 1).astype(dtype)
    logp[rng.random(logp.shape) < 0.1] = -np.inf
    logp[rng.random(logp.shape) < 0.05] = np.nan
    status = rng.integers(0, 3, (6, width))
    length, weight = np.where(status == select_rows.FINISHED, rng.integers(1, 4, P.shape), 4), beam.weights(0.75, 5)
    for target in ("cpu", "reference"):
        given = (logp, P, length, status, weight, np.array([0]))
        P_new, length_new, status_new, parent, symbol = beam._select(*given, target=target)
        assert P_new.dtype == dtype
        for b in range(6):
            options = []
            for w in range(width):
                if status[b, w] == select_rows.FINISHED:
                    options.append((-(P[b, w] * weight.astype(dtype)[length[b, w]]), w, -1, P[b, w]))
                elif status[b, w] == select_rows.ACTIVE:
                    more = P[b, w] + logp[b * width + w]
                    options += [(-(m * weight.astype(dtype)[5]), w, v, m) for v, m in enumerate(more) if m > -np.inf]
            options.sort(key=lambda option: (option[0], option[1], option[2]))
            count = min(len(options), width)
            assert parent[b, :count].tolist() == [w for _, w, *_ in options[:count]]
            assert symbol[b, :count].tolist() == [v for *_, v, _ in options[:count]]
            assert P_new[b, :count].tolist() == [m for *_, m in options[:count]]
            assert (status_new[b, count:] == select_rows.EMPTY).all()
            finished = [v in (-1, 0) for *_, v, _ in options[:count]]
            assert (status_new[b, :count] == select_rows.FINISHED).tolist() == finished


def test_rows_do_not_see_one_another():
    step = prefix_model(5, V)
    whole = beam_search(step, start(B), FIRST, width=3, cap=6, stop=0, best=3)
    for b in range(B):
        state = {"seen": start(B)["seen"][b : b + 1], "count": [np.zeros(1, int)]}
        alone = beam_search(step, state, FIRST[b : b + 1], width=3, cap=6, stop=0, best=3)
        assert [alone.sequence(0, k) for k in range(3)] == [whole.sequence(b, k) for k in range(3)]
        assert alone.scores[0].tobytes() == whole.scores[b].tobytes()


def test_what_is_impossible_is_never_chosen():
    def step(state, tokens):
        logp = np.full((len(tokens), 3), -np.inf)
        logp[:, 1] = np.where(tokens == 9, -1.0, -np.inf)
        logp[:, 2] = np.nan
        return logp, state

    for search in (lambda first: beam_search(step, None, first, width=4, cap=1, best=4), None):
        first = np.array([9, 0])
        found = search(first) if search else greedy(step, None, first, cap=1)
        assert found.sequence(0) == [1]
        assert found.lengths[1, 0] == 0
        assert found.scores[1, 0] == -np.inf
        assert found.lengths[0, 1:].tolist() == [0] * (found.lengths.shape[1] - 1)
    same(exhaustive(step, None, first, cap=1), greedy(step, None, first, cap=1))


def test_symbols_may_be_renamed():
    step, order = prefix_model(6, V), np.array([2, 0, 3, 1])  # new name -> old name

    def renamed(state, tokens):
        logp, state = step(state, np.where(state["count"][0] > 0, order[tokens], tokens))
        return logp[:, order], state

    ours = beam_search(step, start(B), FIRST, width=3, cap=5, stop=2, best=3)
    theirs = beam_search(renamed, start(B), FIRST, width=3, cap=5, stop=0, best=3)
    back = np.where(theirs.tokens >= 0, order[theirs.tokens], -1)
    assert back.tolist() == ours.tokens.tolist()


def test_a_constant_changes_no_ranking_of_equal_lengths():
    step = prefix_model(7, V)

    def shifted(state, tokens):
        logp, state = step(state, tokens)
        return logp - 3, state

    ours, theirs = (beam_search(f, start(B), FIRST, width=3, cap=5, best=3) for f in (step, shifted))
    assert ours.tokens.tolist() == theirs.tokens.tolist()


def test_a_markov_chain():
    """The stationary table of a chain as a model: the best path of given length is found by dynamic programming too."""
    rng, model = np.random.default_rng(8), ngram(5, 1)
    params = model.fit(rng.integers(0, 5, (60, 4)))
    table, T = params["p[1]"], 7
    value = np.zeros(5)
    for _ in range(T):
        value = (table + value).max(axis=1)
    found = beam_search(model.stepper(params), model.start(5), np.arange(5), width=25, cap=T)
    np.testing.assert_allclose(found.log_probability[:, 0], value, rtol=1e-13)


def test_the_cap():
    step = prefix_model(9, V)
    found = beam_search(step, start(B), FIRST, width=2, cap=0, best=2)
    assert found.tokens.shape == (B, 2, 0)
    assert found.scores.tolist() == [[0, -np.inf]] * B
    assert beam_search(step, start(0), FIRST[:0], width=2, cap=3).tokens.shape == (0, 1, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "width: expected at least 1, got 0"),
        ({"best": 3}, "best: expected at most the width 2, got 3"),
        ({"cap": -1}, "cap: expected at least 0, got -1"),
        ({"stop": -2}, "stop: expected at least 0, got -2"),
        ({"alpha": np.nan}, "alpha: expected a finite number, got nan"),
        ({"first": FIRST[:, None]}, r"first: expected shape \(B,\), got \(3, 1\)"),
        ({"state": start(2)}, r"state\['seen'\]: expected 3 rows, one for each of first, got shape \(2,\)"),
        ({"state": "none"}, "state: expected a numpy array, a dict, tuple or list of them, got str"),
        (
            {"step": lambda state, tokens: (np.zeros((1, 2)), state)},
            r"step: log-probabilities: expected shape \(6, V\)",
        ),
        ({"step": lambda state, tokens: (np.zeros((6, 2), int), state)}, "step: expected log-probabilities of dtype"),
        ({"target": "gpu"}, "target: expected one of reference, cpu, cuda; got 'gpu'"),
    ],
)
def test_bad_input(changes, message):
    given = {"step": prefix_model(0, V), "state": start(B), "first": FIRST, "width": 2, "cap": 3} | changes
    with pytest.raises((TypeError, ValueError), match=message):
        beam_search(given.pop("step"), given.pop("state"), given.pop("first"), **given)
