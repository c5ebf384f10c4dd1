"""Hidden Markov models at their limits: long sequences, steep scores, none, impossible ones, rows, errors."""

import math

import numba
import numpy as np
import pytest

from refseq.markov import HMM, chain, chain_rows, hmm
from refseq.markov.views import entry_by_entry
from refseq.team import ALONE
from tests.markov.hmm_models import LENGTHS, MODELS, everything, models, observed


@models
def test_rows_do_not_see_one_another(model):
    """Nor what is beyond their lengths: the same bits alone, in a batch, beside a NaN, padded, with one thread."""
    params, x = model.initialise(4), observed(model)
    whole = model.forward(params, x, LENGTHS)
    for b, length in enumerate(LENGTHS):
        alone = model.forward(params, np.ascontiguousarray(x[:length, b : b + 1]))
        assert alone.log_likelihood[0] == whole.log_likelihood[b]
        assert alone.posteriors[:, 0].tobytes() == whole.posteriors[:length, b].tobytes()
        assert not whole.posteriors[length:, b].any()
    spoilt = x.copy()
    spoilt[3:, 2] = -(10**9) if model.symbols else np.nan
    again = everything(model, params, spoilt, LENGTHS)
    for name, value in everything(model, params, x, LENGTHS).items():
        assert value.tobytes() == again[name].tobytes(), name
    if model.features:
        spoilt[0, 0] = np.nan
        value = model.forward(params, spoilt, LENGTHS).log_likelihood
        assert np.isnan(value[0])
        assert (value[1:] == whole.log_likelihood[1:]).all()
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        one = everything(model, params, x, LENGTHS)
    finally:
        numba.set_num_threads(before)
    for name, value in everything(model, params, x, LENGTHS).items():
        assert value.tobytes() == one[name].tobytes(), name


@models
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_long_sequence(model, dtype):
    """Its probability is far below the smallest number; in float32 as well."""
    params, x = model.initialise(5), observed(model, 5000, 2)
    run = model.forward(params, x)
    assert run.log_likelihood.max() < math.log(np.finfo(float).tiny)
    half = [model.forward(params, x[:2500]).log_likelihood, model.forward(params, x[2500:]).log_likelihood]
    np.testing.assert_allclose(run.log_likelihood, sum(half), rtol=0.01)
    np.testing.assert_allclose(run.posteriors.sum(axis=-1), 1, rtol=1e-10)
    low = {name: value.astype(np.float32) for name, value in params.items()}
    narrow = model.forward(low, x if model.symbols else x.astype(np.float32))
    np.testing.assert_allclose(narrow.log_likelihood, run.log_likelihood, rtol=1e-4)
    np.testing.assert_allclose(narrow.posteriors, run.posteriors, atol=2e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("depth", [50, 500, 5000])
def test_steep_scores(depth, dtype):
    """Terms underflow: the sums are then taken directly, and equal those that always are."""
    rng = np.random.default_rng(depth)
    for states in (2, 5, 8):
        a, A, e = (depth * rng.normal(size=shape) for shape in [(states,), (states, states), (6, 3, states)])
        A[rng.random(A.shape) < 0.2] = -np.inf
        A[0] = -np.inf
        given = [array.astype(dtype) for array in (a, A, e)]
        lengths, ones = np.array([6, 6, 4]), np.ones(3, dtype)
        runs = [chain.forward(*given, lengths, "cpu", direct) for direct in (False, True)]
        counts = [chain.backward(run, ones) for run in runs]
        tolerance = 100 * np.finfo(dtype).eps
        assert np.isfinite(runs[1].value[np.isfinite(runs[1].value)]).all()
        np.testing.assert_allclose(runs[0].value, runs[1].value, rtol=tolerance)
        small = depth * tolerance
        np.testing.assert_allclose(counts[0].states, counts[1].states, rtol=small, atol=small)
        np.testing.assert_allclose(counts[0].pairs, counts[1].pairs, rtol=small, atol=small)
        best, _ = chain.best_paths(*given, lengths, "cpu")
        assert (best <= runs[1].value + tolerance * np.abs(runs[1].value)).all()


def test_direct_sums_are_taken_only_where_needed(monkeypatch):
    """And a floor that is never reached is seen: posteriors are then wrong."""
    a, A = np.zeros(2), np.array([[0.0, -np.inf], [-np.inf, 0.0]])
    e = np.array([[[0.0, -1000.0]], [[-1000.0, 0.0]]])
    run = chain.forward(a, A, e, np.array([2]), "cpu")
    assert run.value[0] == pytest.approx(-1000 + math.log(2))
    np.testing.assert_allclose(chain.backward(run, np.ones(1)).states[:, 0], 0.5)
    monkeypatch.setattr("refseq.markov.chain_rows.FLOOR", {"float64": -2.0})
    chain_rows.build_forward.cache_clear()
    row = chain_rows.build_forward(entry_by_entry, "float64", ALONE)
    value, low, p, s, q, w = np.zeros(1), np.zeros((2, 1)), *(np.zeros((2, 1, 2)) for _ in range(4))
    with np.errstate(all="ignore"):
        row(0, a[None], A, e, np.array([2]), np.array([0]), np.exp(A), np.zeros((1, 2)), value, p, s, q, low, w)
    chain_rows.build_forward.cache_clear()
    assert value[0] != pytest.approx(-1000 + math.log(2))


@pytest.mark.parametrize("sums", ["scaled", "direct"])
def test_an_impossible_sequence(sums):
    model = hmm(2, symbols=3, sums=sums)
    params = {"start": np.zeros(2), "transition": np.zeros((2, 2)), "emission": np.zeros((2, 3))}
    params["emission"][:, 2] = -np.inf
    x = np.array([[0, 0, 2], [1, 2, 0], [1, 1, 0]])
    run = model.forward(params, x)
    assert run.log_likelihood[0] == pytest.approx(3 * math.log(0.5))
    assert (run.log_likelihood[1:] == -np.inf).all()
    grads = model.backward(run)
    assert not run.posteriors[:, 1:].any()
    assert grads.log["transition"].sum() == pytest.approx(2)
    assert np.isfinite(grads.params["emission"]).all()


@models
def test_nothing_to_do(model):
    params = model.initialise()
    for steps, rows in [(0, 3), (4, 0), (0, 0)]:
        found = everything(model, params, observed(model, steps, rows))
        assert found["value"].tolist() == [0] * rows
        assert found["posteriors"].shape == (steps, rows, model.states)
        assert not found["log transition"].any()
        assert model.viterbi(params, observed(model, steps, rows))[0].shape == (steps, rows)


@models
def test_inputs_stay_as_they_are(model):
    params, x = model.initialise(8), observed(model)
    before = {name: value.copy() for name, value in params.items()}, x.copy()
    run = model.forward(params, x)
    for value in (*params.values(), x):
        value[...] = 1
    grads = model.backward(run)
    run = model.forward(*before)
    for name, value in model.backward(run).params.items():
        assert value.tobytes() == grads.params[name].tobytes()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, p, x: hmm(3), "symbols, features: expected one of them, got 0 and 0"),
        (lambda m, p, x: hmm(0, symbols=2), "states: expected at least 1, got 0"),
        (lambda m, p, x: HMM(2, 3, 0, "other"), "sums: expected one of scaled, direct; got 'other'"),
        (lambda m, p, x: m.forward(p, x + 4), r"x: expected 0 <= symbol < V = 4, got \d at \(0, 0\)"),
        (lambda m, p, x: m.forward(p, x * 1.0), "x: expected integers, got dtype float64"),
        (lambda m, p, x: m.forward(p, x[0]), r"x: expected shape \(T, B\), got \(4,\)"),
        (lambda m, p, x: m.forward(p, x, [6, 1, 1, 1]), r"lengths\[0\]: expected 0 <= length <= T = 5, got 6"),
        (lambda m, p, x: m.forward(p | {"start": p["start"] - np.inf}, x), "'start'.: expected numbers or -inf"),
        (lambda m, p, x: m.forward(p | {"start": np.zeros(4)}, x), r"'start'\]: expected shape \(3\), got \(4,\)"),
        (lambda m, p, x: m.backward(m.forward(p, x), np.ones(3)), r"dy: expected shape \(4\), got \(3,\)"),
        (lambda m, p, x: m.backward(x), "run: expected a run of hmm"),
        (lambda m, p, x: MODELS[1].backward(m.forward(p, x)), "run: expected a run of hmm"),
    ],
)
def test_bad_input(call, message):
    model = MODELS[0]
    with pytest.raises((TypeError, ValueError), match=message):
        call(model, model.initialise(), observed(model))
