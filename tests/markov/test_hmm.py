"""Hidden Markov models: all paths in exact rationals, targets, properties."""

import math

import numpy as np
import pytest

from refseq.markov import chain, hmm
from refseq.markov.parameters import normalised
from tests.markov import by_paths
from tests.markov.hmm_models import LENGTHS, B, T, everything, models, observed


@pytest.mark.parametrize("target", ["cpu", "reference"])
@pytest.mark.parametrize("sums", ["scaled", "direct"])
@pytest.mark.parametrize(("states", "symbols", "steps"), [(1, 2, 3), (2, 3, 4), (3, 2, 4), (2, 2, 1)])
def test_all_paths(states, symbols, steps, sums, target):
    rng = np.random.default_rng([states, steps])
    p, model = by_paths.model(rng, states, symbols), hmm(states, symbols=symbols, sums=sums)
    x = rng.integers(0, symbols, (steps, 1))
    params = by_paths.logarithms(p)
    total, counts, posteriors, (mass, path) = by_paths.everything(p, x[:, 0].tolist())
    run = model.forward(params, x, target=target)
    grads = model.backward(run)
    assert run.log_likelihood[0] == pytest.approx(math.log(total), rel=1e-14)
    np.testing.assert_allclose(run.posteriors[:, 0], posteriors.astype(float), rtol=1e-13)
    for name, count in counts.items():
        np.testing.assert_allclose(grads.log[name], count.astype(float), rtol=1e-13)
        own = count.astype(float) - count.astype(float).sum(axis=-1, keepdims=True) * p[name].astype(float)
        np.testing.assert_allclose(grads.params[name], own, rtol=1e-12, atol=1e-14)
    found, value = model.viterbi(params, x, target=target)
    assert found[:, 0].tolist() == list(path)
    assert value[0] == pytest.approx(math.log(mass), rel=1e-14)


@models
def test_a_planted_error_is_seen(model, monkeypatch):
    """By the sums that posteriors have."""
    params, x = model.initialise(1), observed(model)

    def wrong(run, dvalue, counted=True, right=chain.backward):
        counts = right(run, dvalue, counted)
        counts.states[-2] *= counts.states[-2]
        return counts

    np.testing.assert_allclose(model.forward(params, x).posteriors.sum(axis=-1), 1, rtol=1e-13)
    monkeypatch.setattr(chain, "backward", wrong)
    assert not np.allclose(model.forward(params, x).posteriors.sum(axis=-1), 1, rtol=1e-13)


@models
def test_posteriors_and_counts_add_up(model):
    params, x = model.initialise(2), observed(model)
    run = model.forward(params, x, LENGTHS)
    grads, inside = model.backward(run), np.arange(T)[:, None] < LENGTHS
    np.testing.assert_allclose(run.posteriors.sum(axis=-1), inside, rtol=1e-13)
    assert grads.log["start"].sum() == pytest.approx(3)
    assert grads.log["transition"].sum() == pytest.approx(sum(max(length - 1, 0) for length in LENGTHS))
    for name in run._log:
        np.testing.assert_allclose(grads.params[name].sum(axis=-1), 0, atol=1e-13)
    into = grads.log["transition"].sum(axis=0) + grads.log["start"]
    np.testing.assert_allclose(into, run.posteriors.sum(axis=(0, 1)), rtol=1e-13)


@models
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_targets_agree(model, dtype):
    params, x = model.initialise(3, dtype), observed(model, 7, 5, dtype)
    ours, theirs = (everything(model, params, x, [7, 3, 0, 1, 6], target) for target in ("cpu", "reference"))
    tolerance = 200 * np.finfo(dtype).eps
    for name, value in ours.items():
        assert value.dtype == theirs[name].dtype == dtype
        np.testing.assert_allclose(value, theirs[name], rtol=tolerance, atol=tolerance, err_msg=name)


@models
def test_states_may_be_renamed(model):
    params, x = model.initialise(6), observed(model)
    order = np.random.default_rng(0).permutation(model.states)
    other = {name: value[order] for name, value in params.items()}
    other["transition"] = other["transition"][:, order]
    ours, theirs = model.forward(params, x), model.forward(other, x)
    np.testing.assert_allclose(ours.log_likelihood, theirs.log_likelihood, rtol=1e-13)
    np.testing.assert_allclose(ours.posteriors[..., order], theirs.posteriors, rtol=1e-11)
    np.testing.assert_array_equal(order[model.viterbi(other, x)[0]], model.viterbi(params, x)[0])


def test_one_state_is_a_sum():
    """With one state the observations are independent."""
    model = hmm(1, symbols=4)
    params, x = model.initialise(7), observed(model)
    each = normalised(params["emission"], "cpu")[0][x]
    np.testing.assert_allclose(model.forward(params, x).log_likelihood, each.sum(axis=0), rtol=1e-14)


def test_perplexity():
    model = hmm(3, symbols=4)
    uniform = {name: np.zeros(shape) for name, shape in model.shapes.items()}
    x = observed(model)
    assert model.perplexity(uniform, x, LENGTHS) == pytest.approx(4)
    assert model.perplexity(uniform, x[:0]) == 1
    sure = uniform | {"emission": np.full((3, 4), -np.inf)}
    sure["emission"][:, 1] = 0
    assert model.perplexity(sure, np.ones((5, 2), int)) == pytest.approx(1)
    assert model.perplexity(sure, x) == math.inf


def test_gradients_are_linear_in_the_cotangent():
    model = hmm(3, features=2)
    params, x = model.initialise(9), observed(model)
    run, rng = model.forward(params, x), np.random.default_rng(0)
    first, second = rng.normal(size=(2, B))
    parts = [model.backward(run, dy) for dy in (first, second, first + second)]
    for name in model.shapes:
        total = parts[0].params[name] + parts[1].params[name]
        np.testing.assert_allclose(total, parts[2].params[name], rtol=1e-11, atol=1e-13)
