"""Linear autoregressive models: the likelihood by its definition, least squares, forecasts, errors."""

import numpy as np
import pytest
from scipy import stats

from refseq.markov import autoregressive

LENGTHS = [9, 2, 0, 7]


def drawn(features=2, order=2, dtype="float64"):
    rng = np.random.default_rng([features, order])
    model = autoregressive(order, features)
    params = {name: (0.4 * rng.normal(size=shape)).astype(dtype) for name, shape in model.shapes.items()}
    return model, params, rng.normal(size=(9, 4, features)).astype(dtype)


@pytest.mark.parametrize("target", ["cpu", "reference"])
@pytest.mark.parametrize(("features", "order"), [(1, 1), (2, 2), (3, 4)])
def test_likelihood(features, order, target):
    model, params, x = drawn(features, order)
    run = model.forward(params, x, LENGTHS, target)
    for b, length in enumerate(LENGTHS):
        total = 0.0
        for t in range(order, length):
            mean = params["b"] + sum(params["W"][k] @ x[t - 1 - k, b] for k in range(order))
            total += stats.norm.logpdf(x[t, b], mean, np.exp(params["log_variance"] / 2)).sum()
            np.testing.assert_allclose(run.residuals[t, b], x[t, b] - mean, atol=1e-13)
        assert run.log_likelihood[b] == pytest.approx(total, rel=1e-12)
        assert not run.residuals[length:, b].any()
    count = sum(max(length - order, 0) for length in LENGTHS)
    assert model.perplexity(params, x, LENGTHS) == pytest.approx(np.exp(-run.log_likelihood.sum() / count))


def test_fit_is_where_the_gradient_vanishes():
    model, _, x = drawn(2, 2)
    params = model.fit(x, LENGTHS)
    grads, _ = model.backward(model.forward(params, x, LENGTHS))
    for name, value in grads.items():
        np.testing.assert_allclose(value, 0, atol=1e-9, err_msg=name)
    best = model.forward(params, x, LENGTHS).log_likelihood.sum()
    for name, value in params.items():
        for sign in (-1, 1):
            other = params | {name: value + 1e-3 * sign}
            assert model.forward(other, x, LENGTHS).log_likelihood.sum() < best


def test_fit_finds_what_made_the_data():
    model, params, _ = drawn(2, 2)
    params["W"] *= 0.5
    rng, x = np.random.default_rng(0), np.zeros((4000, 2, 2))
    for t in range(2, len(x)):
        mean = params["b"] + sum(x[t - 1 - k] @ params["W"][k].T for k in range(2))
        x[t] = mean + rng.normal(size=(2, 2)) * np.exp(params["log_variance"] / 2)
    found = model.fit(x)
    for name, value in params.items():
        np.testing.assert_allclose(found[name], value, atol=0.06)


def test_forecast():
    model, params, x = drawn(2, 3)
    found = model.forecast(params, x, 4)
    longer = np.concatenate([x, found])
    assert not model.forward(params, longer).residuals[len(x) :].round(12).any()
    assert model.forecast(params, x, 0).shape == (0, 4, 2)


def test_fit_equals_statsmodels():
    models = pytest.importorskip("statsmodels.tsa.ar_model")
    model, _, x = drawn(1, 2)
    theirs = models.AutoReg(x[:, 0, 0], 2, trend="c").fit()
    params = model.fit(x[:, :1])
    np.testing.assert_allclose([params["b"][0], *params["W"][:, 0, 0]], theirs.params, rtol=1e-9)
    assert model.forward(params, x[:, :1]).log_likelihood[0] == pytest.approx(theirs.llf)
    np.testing.assert_allclose(model.forecast(params, x[:, :1], 3)[:, 0, 0], theirs.forecast(3), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_and_padding(dtype):
    model, params, x = drawn(2, 2, dtype)
    run, spoilt = model.forward(params, x, LENGTHS), x.copy()
    for b, length in enumerate(LENGTHS):
        spoilt[length:, b] = np.nan
    again = model.forward(params, spoilt, LENGTHS)
    assert again.log_likelihood.tobytes() == run.log_likelihood.tobytes()
    for ours, theirs in zip(model.backward(run)[0].values(), model.backward(again)[0].values(), strict=True):
        assert ours.dtype == dtype
        assert ours.tobytes() == theirs.tobytes()
    assert model.backward(again)[1].tobytes() == model.backward(run)[1].tobytes()
    alone = model.forward(params, np.ascontiguousarray(x[:7, 3:]))
    assert alone.log_likelihood[0] == run.log_likelihood[3]
    assert model.forward(params, x[:, :0]).log_likelihood.shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, p, x: autoregressive(0), "order: expected at least 1, got 0"),
        (lambda m, p, x: autoregressive(1, 0), "features: expected at least 1, got 0"),
        (lambda m, p, x: m.forward(p, x[..., :1]), r"x: expected shape \(T, B, 2\), got \(9, 4, 1\)"),
        (lambda m, p, x: m.fit(x, [2, 2, 0, 1]), r"longer than tau = 2, got lengths \[2, 2, 0, 1\]"),
        (lambda m, p, x: m.fit(x.tolist()), "x: expected a numpy array, got list"),
        (lambda m, p, x: m.forecast(p, x[:1], 2), "x: expected at least tau = 2 steps, got 1"),
        (lambda m, p, x: m.backward(p), "run: expected a run of autoregressive"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(*drawn())
