"""A step of EM against exact counts; it never lowers the likelihood; what is never counted stays."""

import numpy as np
import pytest

from refseq.markov import baum_welch, hmm
from tests.markov import by_paths


def test_exact_counts():
    rng = np.random.default_rng(3)
    p, model, x = by_paths.model(rng, 2, 3), hmm(2, symbols=3), rng.integers(0, 3, (4, 3))
    found = [by_paths.everything(p, x[:, b].tolist()) for b in range(3)]
    new, value = baum_welch(model, by_paths.logarithms(p), x)
    assert value == pytest.approx(sum(np.log(float(total)) for total, *_ in found), rel=1e-13)
    for name in model.shapes:
        counts = sum(one[1][name] for one in found)
        shares = counts / counts.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(np.exp(new[name]), shares.astype(float), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", [hmm(3, symbols=4), hmm(3, features=2)], ids=str)
def test_the_likelihood_never_falls(model, dtype):
    rng = np.random.default_rng(4)
    x = rng.integers(0, 4, (30, 5)) if model.symbols else rng.normal(size=(30, 5, 2)).astype(dtype)
    lengths, params, values = [30, 0, 12, 1, 25], model.initialise(1, dtype), []
    for _ in range(8):
        params, value = baum_welch(model, params, x, lengths)
        assert all(array.dtype == dtype for array in params.values())
        values.append(value)
    assert (np.diff(values) > -1e-4 * (dtype == "float32")).all()
    assert values[-1] > values[0] + 1


def test_an_optimum_is_where_the_gradient_vanishes():
    model, rng = hmm(2, symbols=3), np.random.default_rng(5)
    x, params = rng.integers(0, 3, (6, 20)), model.initialise(2)
    for _ in range(3000):
        params, _ = baum_welch(model, params, x)
    grads = model.backward(model.forward(params, x)).params
    assert max(np.abs(value).max() for value in grads.values()) < 1e-3


def test_what_is_never_counted_stays():
    model = hmm(3, features=1)
    params = model.initialise(3)
    params["start"], params["transition"] = np.array([0.0, -np.inf, -np.inf]), np.full((3, 3), -np.inf)
    params["transition"][:, 0] = 0
    new, _ = baum_welch(model, params, np.random.default_rng(0).normal(size=(5, 2, 1)))
    assert (new["mean"][1:] == params["mean"][1:]).all()
    assert new["transition"][1].tolist() == [0, -np.inf, -np.inf]
    with pytest.raises(ValueError, match="least_variance: expected at least 0, got -1"):
        baum_welch(model, params, np.zeros((1, 1, 1)), least_variance=-1)
    with pytest.raises(TypeError, match="model: expected an HMM, got str"):
        baum_welch("hmm", params, np.zeros((1, 1, 1)))


def test_one_point_has_the_least_variance():
    model = hmm(1, features=1)
    new, _ = baum_welch(model, model.initialise(), np.full((4, 1, 1), 2.5), least_variance=1e-6)
    assert new["mean"][0, 0] == 2.5
    assert new["log_variance"][0, 0] == pytest.approx(np.log(1e-6))
