"""The error budget is calibrated: refseq's own errors are of the size of sigma, and exact zeros have none."""

from dataclasses import replace

import numpy as np
import pytest
from numba.extending import register_jitable

import refseq
from refseq.checks.budget import THRESHOLD, sigma
from refseq.checks.compare import against_exact, in_sigmas
from refseq.checks.exact import enclose
from refseq.checks.problem import draw
from tests.examples import LAYERS, everything, example

layers = pytest.mark.parametrize("layer", LAYERS, ids=str)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def sizes(problem, target="cpu") -> np.ndarray:
    """Errors of a target in sigma, all entries of all tensors that are rounded."""
    found = []
    for name, value in everything(problem, target).items():
        spread = sigma(problem)[name]
        size = in_sigmas(enclose(problem)[name].error(value), spread)
        assert not size[spread == 0].any(), name
        found.append(size[spread > 0])
    return np.concatenate(found)


@layers
@dtypes
@pytest.mark.parametrize("regime", ["generic", "saturated", "tiny", "sparse"])
def test_own_errors_are_of_the_size_of_sigma(layer, dtype, regime):
    """The median of |error|/sigma is 0.67 for a normal error; the model is rougher than the truth, so less is usual.
    Its roundings are those of the reference; the target "cpu" fuses products and sums, and has fewer."""
    problem = draw(layer, dtype, 5, 3, regime)
    found = sizes(problem, "reference")
    assert found.max() < THRESHOLD
    assert 0.05 < np.median(found) < 1
    assert sizes(problem).max() < THRESHOLD


@dtypes
def test_the_worst_of_many_is_far_from_the_threshold(dtype):
    found = np.concatenate([sizes(draw(LAYERS[2], dtype, 6, 4, seed=seed)) for seed in range(8)])
    assert 1 < found.max() < THRESHOLD / 2


@layers
def test_single_precision_has_the_larger_budget(layer):
    """By the ratio of the roundoffs, 2^29."""
    problem = draw(layer, "float32", 4, 3)
    double = replace(
        problem,
        dtype="float64",
        **{
            name: {k: v.astype(float) for k, v in value.items()} if isinstance(value, dict) else value.astype(float)
            for name in ("params", "x", "state", "dy", "dstate")
            for value in [getattr(problem, name)]
        },
    )
    for name, spread in sigma(double).items():
        rounded = spread > 0
        assert np.array_equal(rounded, sigma(problem)[name] > 0)
        ratio = sigma(problem)[name][rounded] / spread[rounded]
        assert np.all((ratio > 0.99 * 2**29) & (ratio < 1.01 * 2**29))


@layers
def test_what_is_not_rounded_has_no_budget(layer):
    problem = example(layer)
    spread = sigma(problem)
    padding = np.arange(len(problem.x))[:, None] >= problem.counts
    for name in ("y", "dx"):
        exact = (spread[name] == 0).all(axis=2)
        assert np.all(exact[padding])
        assert "relu" in str(layer) or not np.any(exact[~padding])  # relu has exact zeros of its own
    for name in layer.cell.state:
        for tensor in (f"state[{name}]", f"dstate[{name}]"):
            assert np.array_equal((spread[tensor] == 0).all(axis=(0, 2)), problem.counts == 0)


@pytest.mark.parametrize(("dtype", "scale"), [("float64", 1e-24), ("float32", 1e-4), ("float32", 1e-24)])
def test_tiny_numbers_have_a_budget(dtype, scale):
    """Gradients near the bottom of the range: squares of their errors underflow, sigma does not."""
    problem = draw(refseq.layer("elman", 3, 4, activation="identity"), dtype, 7, 2, padded=False)
    params = {name: (value * np.array(scale)).astype(dtype) for name, value in problem.params.items()}
    problem = replace(problem, params=params, dy=np.zeros_like(problem.dy))
    assert np.abs(enclose(problem)["dstate[h]"].high).max() < 1e-25
    assert sizes(problem).max() < THRESHOLD


def test_the_budget_grows_with_the_number_of_terms():
    """A dot product of 100 times as many terms has an error about sqrt(100) times as large: not the same, not 100."""
    few, many = (
        np.median(sigma(p)["y"] / np.linalg.norm(p.params["W_hx"], axis=(0, 2)).mean())
        for inputs in (4, 400)
        for p in [draw(refseq.layer("elman", inputs, 3, activation="identity"), "float64", 1, 4, padded=False)]
    )
    assert 2 < many / few < 20


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_error_in_refseq_itself_does_not_widen_the_budget(dtype):
    """The samples come from the source that is on trial: a wrong backward must not excuse itself."""
    cell = refseq.catalogue()["lstm"].cell()
    (stage,) = cell.stages
    backward = stage.backward

    @register_jitable
    def lossy(kept, s, made, p, dmade):
        (dai, daf, dag, dao), ds, dp = backward(kept, s, made, p, dmade)
        return (dai, daf * s[1], dag, dao), ds, dp

    wrong = refseq.Layer(replace(cell, stages=(replace(stage, backward=lossy),)), 3, 4)
    right, problem = draw(refseq.layer("lstm", 3, 4), dtype, 4, 3), draw(wrong, dtype, 4, 3)
    for name, spread in sigma(problem).items():
        assert np.all(spread <= 30 * sigma(right)[name] + 1e3 * np.finfo(dtype).tiny), name
    results = everything(problem, "reference", **{what: getattr(right, what) for what in ("params", "x", "state")})
    findings, _ = against_exact("gradients", problem, results)
    assert ("dW_hx", "f") in {(finding.tensor, finding.gate) for finding in findings}
