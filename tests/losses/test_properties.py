"""What holds for every loss: padding, batch rows, reductions, shifts; and the distribution that minimises it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refseq import losses
from refseq.fields.noise import UNIT_ROUNDOFF
from refseq.softmax import softmax, softmax_backward
from tests.losses.examples import INSIDE, KINDS, LENGTHS, ROWS, STEPS, example

DTYPES = st.sampled_from(["float32", "float64"])
KIND = st.sampled_from(KINDS)
CROSS = KINDS[:3]


def bits(loss):
    return [np.asarray(part).tobytes() for part in (loss.value, loss.gradient, loss.tokens)]


@given(kind=KIND, dtype=DTYPES, seed=st.integers(0, 1000))
def test_padding_is_exactly_nothing(kind, dtype, seed):
    """Whatever is in padding, and behind a weight of 0; cutting it off changes nothing either."""
    problem, rng = example(kind, dtype), np.random.default_rng(seed)
    x, y, w = problem.predictions.copy(), problem.targets.copy(), problem.options["weights"].copy()
    counted = INSIDE & (w != 0)
    garbage = rng.choice([np.nan, np.inf, -np.inf, 1e30, 3.0])
    x[~counted] = garbage
    y[~INSIDE] = garbage if y.dtype.kind == "f" else rng.choice([-1, 10**9])
    loss = problem.run()
    assert bits(problem.run(predictions=x, targets=y)) == bits(loss)
    assert np.isfinite(loss.value)
    assert not loss.gradient[~counted].any()
    assert not loss.tokens[~counted].any()
    for b, length in enumerate(LENGTHS):
        alone = problem.run(
            predictions=x[:length, b : b + 1],
            targets=y[:length, b : b + 1],
            weights=w[:length, b : b + 1],
            lengths=None,
        )
        assert alone.tokens.tobytes() == loss.tokens[:length, b].tobytes()


@given(kind=KIND, dtype=DTYPES, order=st.permutations(range(ROWS)))
def test_rows_can_be_permuted(kind, dtype, order):
    """Tokens bitwise; the value and scales to the rounding of a sum in another order."""
    problem, order = example(kind, dtype), list(order)
    arrays = {"predictions": problem.predictions, "targets": problem.targets, "weights": problem.options["weights"]}
    moved = problem.run(**{name: array[:, order] for name, array in arrays.items()}, lengths=LENGTHS[order])
    loss, bound = problem.run(), 4 * STEPS * ROWS * UNIT_ROUNDOFF[dtype]
    assert moved.tokens.tobytes() == loss.tokens[:, order].tobytes()
    np.testing.assert_allclose(moved.gradient, loss.gradient[:, order], rtol=bound, atol=0)
    assert abs(moved.value - loss.value) <= bound * loss.value


@given(kind=KIND, dtype=DTYPES)
def test_reductions_are_scaled_sums(kind, dtype):
    """value = sum of scale times tokens, and the divisors are those that the module states."""
    problem = example(kind, dtype)
    w = np.where(INSIDE, problem.options["weights"], 0).astype(float)
    n = np.ones((STEPS, ROWS))
    if kind in CROSS:
        y, classes = problem.targets, problem.options["class_weights"].astype(float)
        if y.ndim == 2:
            w[y == -7] = 0
        n = classes[np.where(INSIDE & (y >= 0), y, 0)] if y.ndim == 2 else np.nan_to_num(y.astype(float) @ classes)
    total, rows = (w * n).sum(), (w * n).sum(axis=0)
    counted = np.count_nonzero(rows)
    divisors = {
        "sum": np.ones(ROWS),
        "mean per token": np.full(ROWS, total),
        "mean per sequence": np.full(ROWS, counted),
        "mean of sequence means": np.where(rows == 0, 1, rows) * counted,
    }
    bound = (STEPS * ROWS + 4) * UNIT_ROUNDOFF[dtype]
    for reduction, divisor in divisors.items():
        loss = problem.run(reduction=reduction)
        np.testing.assert_allclose(loss.scale, w / divisor, rtol=bound, atol=0)
        expected = (loss.scale.astype(float) * loss.tokens).sum()
        assert abs(loss.value - expected) <= 2 * bound * expected


@given(kind=st.sampled_from(CROSS), dtype=DTYPES, shift=st.integers(-100, 100))
def test_a_shift_of_the_logits_changes_nothing(kind, dtype, shift):
    """Logits are multiples of 1/64, so that the shift is exact; the gradient of a token adds up to zero."""
    problem = example(kind, dtype)
    x = np.round(problem.predictions * 64) / 64
    loss = problem.run(predictions=x)
    assert bits(problem.run(predictions=x + x.dtype.type(shift))) == bits(loss)
    size = np.abs(loss.gradient).sum(axis=-1)
    assert np.all(np.abs(loss.gradient.astype(float).sum(axis=-1)) <= 60 * UNIT_ROUNDOFF[dtype] * size)


@given(y=st.lists(st.floats(0.01, 1), min_size=2, max_size=6))
def test_the_minimum_is_the_target_itself(y):
    """At logits log y the gradient vanishes and the loss is the entropy: cross-entropy is a proper score."""
    y = np.array(y) / np.sum(y)
    loss = losses.cross_entropy(np.log(y).reshape(1, 1, -1), y.reshape(1, 1, -1), reduction="sum")
    close = 60 * UNIT_ROUNDOFF["float64"]
    assert np.all(np.abs(loss.gradient) <= close * np.max(np.abs(np.log(y))) + close)
    assert loss.value == pytest.approx(-np.sum(y * np.log(y)), rel=2 * close, abs=close)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_counts(kind):
    """All masked: zero loss and zero gradient, in every reduction."""
    problem = example(kind)
    for changes in ({"lengths": [0] * ROWS}, {"weights": np.zeros((STEPS, ROWS), bool)}):
        for reduction in losses.REDUCTIONS:
            loss = problem.run(reduction=reduction, **changes)
            assert loss.value == 0
            assert not loss.gradient.any()
            assert not loss.scale.any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("steps", "rows"), [(0, 3), (2, 0)])
def test_empty_batches(kind, steps, rows):
    problem = example(kind)
    loss = problem.run(
        predictions=problem.predictions[:steps, :rows],
        targets=problem.targets[:steps, :rows],
        weights=problem.options["weights"][:steps, :rows],
        lengths=None,
    )
    assert (loss.value, loss.gradient.shape) == (0, (steps, rows, problem.predictions.shape[2]))


@pytest.mark.parametrize("kind", KINDS)
def test_one_hot_targets_and_masks_are_other_words_for_the_same(kind):
    problem = example(kind)
    mask = problem.options["weights"] != 0
    plain = problem.run(weights=mask)
    assert bits(problem.run(weights=mask.astype(float))) == bits(plain)
    if kind == "indices":
        y = np.eye(problem.predictions.shape[2])[np.clip(problem.targets, 0, 5)]
        keep = mask & (problem.targets != -7)
        assert bits(problem.run(targets=y, weights=keep, ignore_index=None)) == bits(plain)


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_are_neither_changed_nor_shared(kind):
    problem = example(kind)
    arrays = [problem.predictions, problem.targets, problem.options["weights"]]
    before = [array.tobytes() for array in arrays]
    for array in arrays:
        array.setflags(write=False)
    loss = problem.run()
    assert [array.tobytes() for array in arrays] == before
    for array in arrays:
        assert not np.shares_memory(loss.gradient, array)
        assert not np.shares_memory(loss.scale, array)
    strided = problem.run(predictions=np.asfortranarray(problem.predictions))
    swapped = problem.run(predictions=problem.predictions.astype(problem.predictions.dtype.newbyteorder("S")))
    assert bits(strided) == bits(swapped) == bits(loss)


def test_tokens_without_features():
    """(T, B): one feature."""
    x, y = np.random.default_rng(3).normal(size=(2, 4, 3))
    for function in (losses.squared_error, losses.binary_cross_entropy):
        flat, deep = (
            function(a, b, lengths=[4, 0, 2]) for a, b in ((x, y**2 / 9), (x[..., None], y[..., None] ** 2 / 9))
        )
        assert bits(flat) == bits(deep)
        assert flat.gradient.shape == (4, 3)


def test_probabilities_through_their_logarithms():
    """Logits a, or p = softmax(a), log(p) as logits and gradient / p through the adjoint of softmax: the same."""
    rng = np.random.default_rng(6)
    a, y = 3 * rng.normal(size=(1, 1, 5)), np.array([[2]])
    p, da = np.zeros(5), np.zeros(5)
    softmax(p, a[0, 0], 0, 1)
    loss, other = losses.cross_entropy(a, y), losses.cross_entropy(np.log(p).reshape(1, 1, 5), y)
    softmax_backward(da, p, other.gradient[0, 0] / p, 0, 1)
    assert other.value == pytest.approx(loss.value, rel=1e-14)
    np.testing.assert_allclose(da, loss.gradient[0, 0], rtol=0, atol=1e-14)
