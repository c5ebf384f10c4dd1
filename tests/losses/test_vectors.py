"""Losses on SIMD vectors: rows longer and shorter than a vector against the same source over balls, in derived bounds;
the same bits for any number of threads and any memory that arrays are in."""

import numba
import numpy as np
import pytest
from flint import arb

from refseq import losses
from refseq.arrays import lift
from refseq.fields.ball import precision
from refseq.fields.noise import UNIT_ROUNDOFF

E = 2  # roundoffs in exp and log1p
TARGETS = ["index", "smoothed", "distribution"]
WIDTHS = [1, 2, 7, 8, 9, 15, 16, 17, 33, 70]


def draw(kind, classes, dtype, tokens=3):
    rng = np.random.default_rng(classes)
    a = (4 * rng.normal(size=(tokens, 1, classes))).astype(dtype)
    y = rng.integers(0, classes, (tokens, 1))
    y[0] = int(a[0].argmax())  # the pivot, and others
    if kind == "distribution":
        y = rng.dirichlet(np.ones(classes), size=(tokens, 1)).astype(dtype)
    w = (rng.integers(0, 9, classes) / 8).astype(dtype)
    return a, y, w, 0.25 if kind == "smoothed" else 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("classes", WIDTHS)
@pytest.mark.parametrize("kind", TARGETS)
def test_cross_entropy_of_any_number_of_classes(kind, classes, dtype):
    """The bounds of ``test_accuracy``: q 6 roundings and ``classes`` for sums, differences and exponentials."""
    a, y, w, s = draw(kind, classes, dtype)
    loss = losses.cross_entropy(a, y, reduction="sum", label_smoothing=s, class_weights=w)
    with precision(300):
        balls = lift(y, arb) if y.ndim == 3 else y
        exact = losses.cross_entropy(
            lift(a, arb), balls, reduction="sum", label_smoothing=arb(s) if s else 0, class_weights=lift(w, arb)
        )
        errors = [
            np.array(lift(lift(mine, arb) - true, float), float)
            for mine, true in ((loss.tokens, exact.tokens), (loss.gradient, exact.gradient))
        ]
    u, A, W = 1.01 * UNIT_ROUNDOFF[dtype], a.astype(float), w.astype(float)
    q = W * ((1 - s) * (np.eye(classes)[y] if y.ndim == 2 else y.astype(float)) + s / classes)
    d = A.max(-1, keepdims=True) - A
    p = np.exp(-d) / np.exp(-d).sum(-1, keepdims=True)
    total = np.log(np.exp(-d).sum(-1, keepdims=True))
    bound = (q * ((d + total) * (10 + classes) + (p * (d + classes + E)).sum(-1, keepdims=True) + (E + 1) * total)).sum(
        -1
    )
    slope = q.sum(-1, keepdims=True) * p * (d + d.max() + 2 * classes + 2 * E + 14) + q * (8 + classes)
    assert np.all(np.abs(errors[0]) <= u * bound)
    assert np.all(np.abs(errors[1]) <= u * slope + np.finfo(dtype).tiny)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("features", [*WIDTHS, 64, 65, 131])
def test_binary_cross_entropy_of_any_number_of_features(features, dtype):
    rng = np.random.default_rng(features)
    x = (3 * rng.normal(size=(70, 2, features))).astype(dtype)
    y, v = rng.uniform(size=x.shape).astype(dtype), rng.uniform(0.5, 2, features).astype(dtype)
    keep = rng.uniform(size=x.shape[:2]) < 0.8
    x[~keep] = np.nan
    loss = losses.binary_cross_entropy(x, y, weights=keep, reduction="sum", pos_weight=v)
    X, Y, V = np.where(keep[..., None], x, 0).astype(np.longdouble), y.astype(np.longdouble), v.astype(np.longdouble)
    small, high = np.exp(-np.abs(X)) / (1 + np.exp(-np.abs(X))), 1 / (1 + np.exp(-np.abs(X)))
    sigmoid, rest = np.where(X > 0, high, small), np.where(X > 0, small, high)
    less = np.log1p(np.exp(-np.abs(X)))
    parts = V * Y * (less + np.maximum(-X, 0)) + (1 - Y) * (less + np.maximum(X, 0))
    u = 1.01 * UNIT_ROUNDOFF[dtype]
    true, slopes = parts.sum(-1) * keep, ((1 - Y) * sigmoid - V * Y * rest) * keep[..., None]
    assert np.all(np.abs(loss.tokens - true) <= u * true * (2 * E + 5 + features))
    bound = ((1 - Y) * sigmoid + V * Y * rest) * (2 * E + 7) * keep[..., None]
    assert np.all(np.abs(loss.gradient - slopes) <= u * bound)


def every_loss(a, x, y, targets):
    return [
        losses.cross_entropy(a, y),
        losses.cross_entropy(a, y, label_smoothing=0.1, ignore_index=3),
        losses.cross_entropy(a, targets),
        losses.squared_error(a, targets),
        losses.binary_cross_entropy(x, np.abs(x) / 8),
    ]


def bits(found):
    return [(loss.value.tobytes(), loss.gradient.tobytes(), loss.tokens.tobytes()) for loss in found]


@pytest.fixture
def problem():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(40, 30, 70))
    x = rng.uniform(-8, 8, size=(300, 70, 3))
    return a, x, rng.integers(0, 70, (40, 30)), rng.dirichlet(np.ones(70), size=(40, 30))


def test_threads_change_no_bit(problem):
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = bits(every_loss(*problem))
        numba.set_num_threads(before)
        assert bits(every_loss(*problem)) == alone
    finally:
        numba.set_num_threads(before)


def test_memory_changes_no_bit(problem):
    """Arrays that are read-only, strided, of the other byte order or at odd addresses."""
    expected = bits(every_loss(*problem))
    a, x, y, targets = problem

    def odd(array):
        memory = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
        memory[...] = array
        memory.setflags(write=False)
        return memory

    assert bits(every_loss(odd(a), odd(x), y, odd(targets))) == expected
    strided = [np.repeat(array, 2, axis=-1)[..., ::2] for array in (a, x, targets)]
    swapped = [array.astype(array.dtype.newbyteorder()) for array in (a, x, targets)]
    for one, two, three in (strided, swapped):
        assert bits(every_loss(one, two, y, three)) == expected


def test_nothing_at_all():
    none = np.zeros((0, 2, 4))
    for loss in (losses.cross_entropy(none, np.zeros((0, 2), int)), losses.squared_error(none, none)):
        assert (loss.value, loss.gradient.shape) == (0, none.shape)


@pytest.mark.parametrize("classes", [5, 40])
def test_a_logit_without_a_value(classes):
    """NaN and nothing but -inf give NaN to this token alone; beside one -inf the others are as if it was not there."""
    a = np.random.default_rng(4).normal(size=(4, 1, classes))
    a[0, 0, classes - 1], a[1], a[2, 0, 1] = np.nan, -np.inf, -np.inf
    y = np.full((4, 1), 2)
    loss = losses.cross_entropy(a, y, reduction="sum")
    assert np.isnan(loss.tokens[:2]).all()
    assert np.isnan(loss.gradient[:2]).all()
    rest = losses.cross_entropy(np.delete(a[2:3], 1, axis=2), y[:1] - 1, reduction="sum")
    assert loss.tokens[2, 0] == pytest.approx(float(rest.value), rel=1e-14)
    assert loss.gradient[2, 0, 1] == 0
    assert np.isfinite(loss.gradient[2:]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_largest_logit_wherever_it_is(dtype):
    """Beside 1e4 every other exponential is 0: losses of 0 and 1e4, and gradients of 0 and 1, exactly."""
    classes = 37
    a = (1e4 * np.eye(classes)[:, None]).astype(dtype)
    y = np.arange(classes)[:, None]
    certain = losses.cross_entropy(a, y, reduction="sum")
    assert certain.value == 0
    assert not certain.gradient.any()
    wrong = losses.cross_entropy(a, (y + 1) % classes, reduction="sum")
    assert (wrong.tokens == 1e4).all()
    np.testing.assert_array_equal(wrong.gradient[:, 0], np.eye(classes) - np.roll(np.eye(classes), 1, axis=1))
