"""The CTC loss against every path in exact rationals; what no path spells; what is padded; numbers at their limits."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, fmpq

from refseq.arrays import lift
from refseq.fields.ball import precision
from refseq.fields.residue import Residue
from refseq.losses import ctc_of_log_probs, ctc_of_logits
from tests.losses.paths import drawn, every_target, masses

FORMS = {"logits": ctc_of_logits, "log_probs": ctc_of_log_probs}
both_forms = pytest.mark.parametrize("form", FORMS)
both_targets = pytest.mark.parametrize("target", ["reference", "cpu"])
both_precisions = pytest.mark.parametrize("dtype", ["float32", "float64"])
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


def problem(dtype="float64", scale=2.0):
    """Rows of every kind: full, with equal neighbours, just long enough, too short, empty, without frames."""
    rng = np.random.default_rng(4)
    x = (scale * rng.normal(size=(7, 6, 5))).astype(dtype)
    targets = np.array([[1, 2, 4], [2, 2, 2], [3, 3, 1], [4, 4, 1], [-9, 99, 7], [0, 0, 0]])
    return x, targets, {"lengths": [7, 6, 4, 3, 5, 0], "target_lengths": [3, 3, 3, 3, 0, 0], "reduction": "sum"}


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


@both_forms
@both_targets
def test_padding_is_not_read(form, target):
    x, targets, options = problem()
    want = FORMS[form](x, targets, **options, target=target)
    for row, length in enumerate(options["lengths"]):
        x[length:, row] = np.nan
        targets[row, options["target_lengths"][row] :] = -(10**9)
    before = x.copy(), targets.copy()
    got = FORMS[form](x, targets, **options, target=target)
    assert got.gradient.tobytes() == want.gradient.tobytes()
    assert got.sequences.tobytes() == want.sequences.tobytes()
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(targets, before[1])
    for row, length in enumerate(options["lengths"]):
        assert not got.gradient[length:, row].any()


@both_forms
@both_targets
def test_a_nan_stays_in_its_row(form, target):
    x, targets, options = problem()
    want = FORMS[form](x, targets, **options, target=target)
    x[3, 0, 1] = np.nan
    got = FORMS[form](x, targets, **options, target=target)
    assert np.isnan(got.sequences[0])
    assert got.gradient[:, 1:].tobytes() == want.gradient[:, 1:].tobytes()


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


def test_joined_targets_are_padded_ones():
    x, targets, options = problem()
    counts = options["target_lengths"]
    joined = np.concatenate([row[:n] for row, n in zip(targets, counts, strict=True)])
    for kind in (np.int32, np.int64, np.uint8):
        ours = ctc_of_logits(x, joined.astype(kind), **options)
        theirs = ctc_of_logits(x, targets, **options)
        assert ours.gradient.tobytes() == theirs.gradient.tobytes()


def test_other_fields():
    x, targets, options = problem()
    feasible = options | {"infeasible": "zero", "target": "reference"}
    want = ctc_of_logits(x, targets, **feasible)
    complex_ = ctc_of_logits(x.astype(complex), targets, **feasible)
    np.testing.assert_allclose(complex_.gradient, want.gradient, atol=1e-14)
    h = 1e-100
    moved = x.astype(complex)
    moved[2, 1, 3] += 1j * h
    slope = ctc_of_logits(moved, targets, **feasible).value.imag / h
    assert slope == pytest.approx(want.gradient[2, 1, 3], rel=1e-12)
    residues = lift(np.arange(x.size).reshape(x.shape) + 1, Residue)
    with pytest.raises(ValueError, match="no path spells row 3, and these numbers have no infinity"):
        ctc_of_logits(residues, targets, **(feasible | {"infeasible": "inf"}))


@both_targets
@pytest.mark.parametrize("shape", [(0, 3, 2), (4, 0, 2), (0, 0, 1), (3, 2, 1)])
def test_empty_shapes(shape, target):
    """No frames, no rows, or the blank as the only class: the empty target is certain."""
    loss = ctc_of_logits(np.zeros(shape), np.zeros((shape[1], 0), int), target=target)
    assert loss.gradient.shape == shape
    assert loss.sequences.tolist() == [0] * shape[1]
    assert loss.value == 0
    assert not loss.gradient.any()


GOOD = (np.zeros((4, 2, 3)), np.array([[1, 2], [1, 1]]))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"logits": np.zeros((4, 2))}, ValueError, "logits: expected shape (T, B, C), got (4, 2)"),
        ({"logits": np.zeros((4, 2, 0))}, ValueError, "logits: number of classes: expected at least 1, got 0"),
        ({"targets": [[1, 2], [1, 1]]}, TypeError, "targets: expected a numpy array, got list"),
        ({"targets": np.ones((2, 2))}, TypeError, "targets: expected integers, got dtype float64"),
        ({"targets": np.ones((3, 2), int)}, ValueError, "targets: expected shape (2, L) or (sum of target_lengths,)"),
        (
            {"targets": np.array([[1, 3], [1, 1]])},
            ValueError,
            "0 <= label < C = 3 other than the blank 0, got 3 at (0, 1)",
        ),
        ({"targets": np.array([[1, 2], [0, 1]])}, ValueError, "other than the blank 0, got 0 at (1, 0)"),
        ({"blank": 2}, ValueError, "other than the blank 2, got 2 at (0, 1)"),
        ({"blank": 3}, ValueError, "blank: expected 0 <= blank < C = 3, got 3"),
        ({"blank": -1}, ValueError, "blank: expected at least 0, got -1"),
        ({"lengths": [4, 5]}, ValueError, "lengths[1]: expected 0 <= length <= T = 4, got 5"),
        ({"target_lengths": [2, 3]}, ValueError, "target_lengths[1]: expected 0 <= length <= 2, got 3"),
        ({"target_lengths": [2]}, ValueError, "target_lengths: expected shape (2,), one for each batch row, got (1,)"),
        ({"targets": np.array([1, 2])}, ValueError, "target_lengths: needed for targets of shape"),
        (
            {"targets": np.array([1, 2]), "target_lengths": [1, 0]},
            ValueError,
            "targets: expected shape (1,), the sum of target_lengths; got (2,)",
        ),
        ({"weights": np.ones(3)}, ValueError, "weights: expected shape (2), got (3,)"),
        ({"weights": np.array([1.0, -1.0])}, ValueError, "weights: expected finite numbers >= 0, got -1.0 at (1,)"),
        ({"reduction": "mean"}, ValueError, "reduction: expected one of sum, mean per token"),
        ({"infeasible": "nan"}, ValueError, "infeasible: expected one of inf, zero; got 'nan'"),
    ],
)
def test_bad_input(change, error, message):
    arguments = {"logits": GOOD[0], "targets": GOOD[1]} | change
    with pytest.raises(error) as caught:
        ctc_of_logits(arguments.pop("logits"), arguments.pop("targets"), **arguments)
    assert message in str(caught.value)
