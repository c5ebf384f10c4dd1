"""The CTC loss against every path in exact rationals; what no path spells; numbers at their limits."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, fmpq

from refseq.arrays import lift
from refseq.fields.ball import precision
from refseq.losses import ctc_of_logits
from tests.losses.ctc_cases import FORMS, both_forms, both_precisions, both_targets, problem
from tests.losses.paths import drawn, every_target, masses

SIZES = [(steps, labels) for steps in range(6) for labels in range(1, 4)]


def ball(fraction):
    return arb(fmpq(fraction.numerator, fraction.denominator))


def posed(steps, labels, blank, seed=0):
    """All targets of up to 3 labels on the same frames: weights and probabilities as fractions, and the mass of what is
    spelled."""
    weights, y = drawn(steps, labels + 1, seed)
    return weights, y, masses(y, blank), *every_target(labels + 1, 3, blank)


def slope(form, mass, y, t, k):
    """The true gradient."""
    posterior = mass.taken.get((t, k), Fraction(0)) / mass.total
    return y[t][k] - posterior if form == "logits" else -posterior


@both_forms
@pytest.mark.parametrize(("steps", "labels"), SIZES)
def test_every_path_within_balls(form, steps, labels):
    """Over balls, which must hold the rational numbers: T <= 5, K <= 3, L <= 3, every target, blank first and last."""
    for blank in (0, labels):
        weights, y, mass, targets, padded, counts = posed(steps, labels, blank)
        given = weights if form == "logits" else y
        with precision(160):
            frames = [[ball(Fraction(v)).log() for v in frame] for frame in given]
            x = np.empty((steps, len(targets), labels + 1), object)
            for t, b, k in np.ndindex(x.shape):
                x[t, b, k] = frames[t][k]
            found = FORMS[form](
                x, padded, target_lengths=counts, blank=blank, reduction="sum", infeasible="zero", target="reference"
            )
            for b, target in enumerate(targets):
                if target not in mass:
                    assert found.sequences[b] == 0
                    assert all(found.gradient[t, b, k] == 0 for t, k in np.ndindex(steps, labels + 1))
                    continue
                assert arb(-found.sequences[b]).exp().overlaps(ball(mass[target].total))
                for t, k in np.ndindex(steps, labels + 1):
                    true = ball(slope(form, mass[target], y, t, k))
                    assert found.gradient[t, b, k].overlaps(true)
                    assert found.gradient[t, b, k].rad() < arb(2) ** -120


@both_forms
@both_targets
@both_precisions
def test_every_path_in_floats(form, target, dtype):
    """The same in floats; a loss of inf exactly where no path spells the target."""
    u = float(np.finfo(dtype).eps)
    for steps, labels in SIZES:
        for blank in {0, labels // 2, labels}:
            weights, y, mass, targets, padded, counts = posed(steps, labels, blank, 1)
            given = np.array(weights if form == "logits" else y, float).reshape(steps, 1, labels + 1)
            x = np.repeat(np.log(given), len(targets), axis=1).astype(dtype)
            found = FORMS[form](x, padded, target_lengths=counts, blank=blank, reduction="sum", target=target)
            for b, spelled in enumerate(targets):
                if spelled not in mass:
                    assert found.sequences[b] == np.inf
                    assert not found.gradient[:, b].any()
                    continue
                assert abs(found.sequences[b] + np.log(float(mass[spelled].total))) <= 40 * u
                for t, k in np.ndindex(steps, labels + 1):
                    assert abs(found.gradient[t, b, k] - slope(form, mass[spelled], y, t, k)) <= 20 * u


@both_forms
@both_precisions
def test_cpu_and_reference_agree(form, dtype):
    for scale in (0.1, 3.0, 30.0):
        x, targets, options = problem(dtype, scale)
        ours, theirs = (FORMS[form](x, targets, **options, target=target) for target in ("cpu", "reference"))
        u = float(np.finfo(dtype).eps)
        assert ours.sequences.dtype == ours.gradient.dtype == dtype
        np.testing.assert_allclose(ours.sequences, theirs.sequences, rtol=30 * u)
        np.testing.assert_allclose(ours.gradient, theirs.gradient, atol=30 * u * max(scale, 1))


@both_forms
@both_targets
def test_what_no_path_spells(form, target):
    """Row 3 has 3 frames for a a b: inf or zero, without a gradient, and no NaN anywhere."""
    x, targets, options = problem()
    inf, zero = (FORMS[form](x, targets, **options, infeasible=word, target=target) for word in ("inf", "zero"))
    assert np.flatnonzero(np.isinf(inf.sequences)).tolist() == [3]
    assert inf.value == np.inf
    assert zero.sequences[3] == 0
    assert np.isfinite(zero.value)
    for loss in (inf, zero):
        assert not loss.gradient[:, 3].any()
        assert np.isfinite(loss.gradient).all()
    np.testing.assert_array_equal(inf.gradient, zero.gradient)
    assert inf.sequences[5] == 0
    assert inf.sequences[4] > 0


@both_forms
@both_targets
@both_precisions
def test_a_class_of_probability_zero(form, target, dtype):
    """As if it was not there; where a target needs it, its loss is inf."""
    x, targets, options = problem(dtype)
    x[2, 0, 2] = x[:, 1, 2] = -np.inf
    loss = FORMS[form](x, targets, **options, target=target)
    assert np.isfinite(loss.sequences[0])
    assert loss.sequences[1] == np.inf
    assert np.isfinite(loss.gradient).all()
    assert loss.gradient[2, 0, 2] == 0
    assert not loss.gradient[:, 1].any()
    others = FORMS[form](x[:, 2:], targets[2:], **{n: v if n == "reduction" else v[2:] for n, v in options.items()})
    np.testing.assert_allclose(loss.sequences[2:], others.sequences, rtol=1e-5 if dtype == "float32" else 1e-14)


@both_targets
@both_precisions
def test_long_and_peaked(target, dtype):
    """T = 2000 and logits of +-100: the gradient of double precision, with the budget of log-domain sums of T terms."""
    rng = np.random.default_rng(5)
    steps, classes = 2000, 8
    x = np.where(rng.random((steps, 2, classes)) < 0.5, -100.0, 100.0) + rng.normal(size=(steps, 2, classes))
    targets = rng.integers(1, classes, (2, 60))
    loss = ctc_of_logits(x.astype(dtype), targets, reduction="sum", target=target)
    assert np.isfinite(loss.value)
    assert np.isfinite(loss.gradient).all()
    true = ctc_of_logits(x.astype(dtype).astype(float), targets, reduction="sum", target="reference")
    u = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(loss.sequences, true.sequences, rtol=50 * u)
    assert np.abs(loss.gradient - true.gradient).max() <= 20 * 200 * u * np.sqrt(steps)
    assert np.abs(loss.gradient.sum(axis=-1)).max() <= 20 * u


def test_a_nearly_certain_prediction_keeps_its_accuracy():
    """The loss of frames that are certain but for e^-50, and its gradient, are not 0."""
    path, x = [1, 0, 2], np.zeros((3, 1, 3))
    for t, k in enumerate(path):
        x[t, 0, k] = 50.0
    loss = ctc_of_logits(x, np.array([[1, 2]]), reduction="sum")
    with precision(300):
        balls = ctc_of_logits(lift(x, arb), np.array([[1, 2]]), reduction="sum", target="reference")
        assert abs(loss.value / float(balls.value) - 1) < 1e-14
        for ours, true in zip(loss.gradient.flat, balls.gradient.flat, strict=True):
            assert abs(ours - float(true)) <= 1e-14 * np.exp(-50.0)  # of softmax and posterior, which may cancel
    assert 0 < loss.value < 1e-20
