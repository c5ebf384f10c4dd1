"""Hidden Markov models beside hmmlearn: likelihood, posteriors, best path, a step of Baum-Welch."""

import numpy as np
import pytest

from refseq.markov import baum_welch, hmm

learn = pytest.importorskip("hmmlearn.hmm")
LENGTHS = [40, 1, 17, 25]


def softmax(scores):
    return np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)


def together(x):
    """The sequences one after another, as hmmlearn takes them."""
    rows = [x[:length, b] for b, length in enumerate(LENGTHS)]
    return np.concatenate([row.reshape(len(row), -1) for row in rows])


def discrete(states):
    rng, model = np.random.default_rng(states), hmm(states, symbols=6)
    params = model.initialise(states)
    theirs = learn.CategoricalHMM(states, n_iter=1, init_params="", tol=0)
    theirs.startprob_, theirs.transmat_ = softmax(params["start"]), softmax(params["transition"])
    theirs.emissionprob_ = softmax(params["emission"])
    x = rng.integers(0, 6, (max(LENGTHS), len(LENGTHS)))
    x[0, 0] = 5  # every symbol occurs
    return model, params, theirs, x


def gaussian(states):
    rng, model = np.random.default_rng(states), hmm(states, features=3)
    params = model.initialise(states)
    params["log_variance"][...] = rng.normal(size=params["log_variance"].shape) / 2
    theirs = learn.GaussianHMM(states, "diag", n_iter=1, init_params="", tol=0, covars_prior=0.0, min_covar=0.0)
    theirs.startprob_, theirs.transmat_ = softmax(params["start"]), softmax(params["transition"])
    theirs.means_, theirs.covars_ = params["mean"], np.exp(params["log_variance"])
    return model, params, theirs, rng.normal(size=(max(LENGTHS), len(LENGTHS), 3))


cases = pytest.mark.parametrize("make", [discrete, gaussian])
sizes = pytest.mark.parametrize("states", [1, 3, 8])


@cases
@sizes
def test_likelihood_and_posteriors(make, states):
    model, params, theirs, x = make(states)
    run = model.forward(params, x, LENGTHS)
    value, posteriors = theirs.score_samples(together(x), LENGTHS)
    assert run.log_likelihood.sum() == pytest.approx(value, rel=1e-12)
    ours = np.concatenate([run.posteriors[:length, b] for b, length in enumerate(LENGTHS)])
    np.testing.assert_allclose(ours, posteriors, rtol=1e-9, atol=1e-12)


@cases
@sizes
def test_best_path(make, states):
    model, params, theirs, x = make(states)
    path, value = model.viterbi(params, x, LENGTHS)
    joint, found = theirs.decode(together(x), LENGTHS)
    assert value.sum() == pytest.approx(joint, rel=1e-12)
    assert np.concatenate([path[:length, b] for b, length in enumerate(LENGTHS)]).tolist() == found.tolist()
    for b, length in enumerate(LENGTHS):
        assert (path[length:, b] == -1).all()


@cases
@sizes
def test_a_step_of_baum_welch(make, states):
    model, params, theirs, x = make(states)
    new, value = baum_welch(model, params, x, LENGTHS, least_variance=0.0)
    theirs.fit(together(x), LENGTHS)
    assert value == pytest.approx(theirs.monitor_.history[0], rel=1e-12)
    np.testing.assert_allclose(np.exp(new["start"]), theirs.startprob_, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(np.exp(new["transition"]), theirs.transmat_, rtol=1e-9, atol=1e-13)
    if model.symbols:
        np.testing.assert_allclose(np.exp(new["emission"]), theirs.emissionprob_, rtol=1e-9, atol=1e-13)
    else:
        np.testing.assert_allclose(new["mean"], theirs.means_, rtol=1e-9, atol=1e-12)
        variances = np.diagonal(theirs.covars_, axis1=1, axis2=2)
        np.testing.assert_allclose(np.exp(new["log_variance"]), variances, rtol=1e-9)
