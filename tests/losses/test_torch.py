"""Side by side with torch: all options and reductions that torch has, and where the two differ."""

import numpy as np
import pytest

from refseq import losses
from refseq.fields.noise import UNIT_ROUNDOFF
from tests.conftest import framework
from tests.losses.examples import CLASSES, FEATURES, INSIDE, LENGTHS, ROWS, STEPS

NAMES = {"sum": "sum", "mean": "mean per token", "none": "sum"}
FEATURE_NAMES = {"sum": "sum", "mean": "mean per element"}

# both sides are good to their own rounding: sums of at most T B (V + 10) terms of one sign, and shifts up to 30
ROUNDINGS = 4 * (STEPS * ROWS + CLASSES + 60)


@pytest.fixture(scope="module")
def torch():
    return framework("torch")


def close(ours, theirs, dtype):
    bound = ROUNDINGS * UNIT_ROUNDOFF[dtype]
    np.testing.assert_allclose(ours, theirs, rtol=bound, atol=bound * float(np.max(np.abs(theirs))))


def backward(torch, function, x):
    """torch's loss and gradient."""
    leaf = torch.tensor(x, requires_grad=True)
    value = function(leaf)
    value.sum().backward()
    return value.detach().numpy(), leaf.grad.numpy()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["sum", "mean", "none"])
def test_cross_entropy_of_indices(torch, dtype, smoothing, weighted, reduction):
    rng = np.random.default_rng(41)
    a, y = (5 * rng.normal(size=(STEPS, ROWS, CLASSES))).astype(dtype), rng.integers(0, CLASSES, (STEPS, ROWS))
    y[1, 1] = -100
    w = (rng.random(CLASSES) + 0.5).astype(dtype) if weighted else None
    options = {"label_smoothing": smoothing, "class_weights": w, "ignore_index": -100, "lengths": LENGTHS}
    ours = losses.cross_entropy(a, y, reduction=NAMES[reduction], **options)
    weight = None if w is None else torch.tensor(w)
    flat = torch.tensor(np.where(INSIDE, y, -100)).reshape(-1)
    value, gradient = backward(
        torch,
        lambda x: torch.nn.functional.cross_entropy(
            x.reshape(-1, CLASSES), flat, weight=weight, label_smoothing=smoothing, reduction=reduction
        ),
        a,
    )
    close(ours.tokens.reshape(-1) if reduction == "none" else ours.value, value, dtype)
    close(ours.gradient, gradient, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_cross_entropy_of_distributions(torch, dtype, smoothing, reduction):
    rng = np.random.default_rng(42)
    a = (5 * rng.normal(size=(STEPS, ROWS, CLASSES))).astype(dtype)
    y = rng.dirichlet(np.ones(CLASSES), (STEPS, ROWS)).astype(dtype)
    w = (rng.random(CLASSES) + 0.5).astype(dtype)
    for weights in (None, w) if reduction == "sum" else (None,):
        ours = losses.cross_entropy(a, y, reduction=NAMES[reduction], label_smoothing=smoothing, class_weights=weights)
        weight = None if weights is None else torch.tensor(weights)
        value, gradient = backward(
            torch,
            lambda x, weight=weight: torch.nn.functional.cross_entropy(
                x.reshape(-1, CLASSES),
                torch.tensor(y).reshape(-1, CLASSES),
                weight=weight,
                label_smoothing=smoothing,
                reduction=reduction,
            ),
            a,
        )
        close(ours.value, value, dtype)
        close(ours.gradient, gradient, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_cross_entropy(torch, dtype, reduction, weighted):
    rng = np.random.default_rng(43)
    shape = (STEPS, ROWS, FEATURES)
    x, y = (10 * rng.normal(size=shape)).astype(dtype), rng.random(shape).astype(dtype)
    v = (rng.random(FEATURES) + 0.5).astype(dtype) if weighted else None
    mask = rng.random((STEPS, ROWS)).astype(dtype)
    ours = losses.binary_cross_entropy(x, y, reduction=FEATURE_NAMES[reduction], pos_weight=v)
    weight = None if v is None else torch.tensor(v)
    function = torch.nn.functional.binary_cross_entropy_with_logits
    value, gradient = backward(torch, lambda a: function(a, torch.tensor(y), pos_weight=weight, reduction=reduction), x)
    close(ours.value, value, dtype)
    close(ours.gradient, gradient, dtype)
    ours = losses.binary_cross_entropy(x, y, reduction="sum", weights=mask)
    outer = torch.tensor(mask)[..., None]
    value, gradient = backward(torch, lambda a: function(a, torch.tensor(y), weight=outer, reduction="sum"), x)
    close(ours.value, value, dtype)
    close(ours.gradient, gradient, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_squared_error(torch, dtype, reduction):
    rng = np.random.default_rng(44)
    x, y = (rng.normal(size=(STEPS, ROWS, FEATURES)).astype(dtype) for _ in range(2))
    ours = losses.squared_error(x, y, reduction=FEATURE_NAMES[reduction])
    function = torch.nn.functional.mse_loss
    value, gradient = backward(torch, lambda a: function(a, torch.tensor(y), reduction=reduction), x)
    close(ours.value, value, dtype)
    close(ours.gradient, gradient, dtype)


def test_where_the_mean_over_distributions_differs(torch):
    """With class weights torch divides by their sum for indices, but by the number of tokens for distributions: the
    loss of a distribution of one class is not that of its index. Here it is."""
    rng = np.random.default_rng(45)
    a, y, w = rng.normal(size=(3, 2, CLASSES)), rng.integers(0, CLASSES, (3, 2)), rng.random(CLASSES) + 0.5
    one_hot = np.eye(CLASSES)[y]

    def theirs(target):
        flat = torch.tensor(target).reshape(-1, *target.shape[2:])
        tensor = torch.tensor(a).reshape(-1, CLASSES)
        return torch.nn.functional.cross_entropy(tensor, flat, weight=torch.tensor(w)).item()

    ours = [losses.cross_entropy(a, target, class_weights=w).value for target in (y, one_hot)]
    assert ours[0] == pytest.approx(ours[1], rel=1e-14)
    assert ours[0] == pytest.approx(theirs(y), rel=1e-14)
    assert theirs(one_hot) == pytest.approx(ours[1] * w[y].sum() / y.size, rel=1e-14)
    assert abs(theirs(one_hot) / theirs(y) - 1) > 0.01


def test_where_nothing_counts(torch):
    """torch: 0/0 = NaN. Here: zero loss, zero gradient."""
    a, y = np.ones((2, 1, CLASSES)), np.full((2, 1), -100)
    value, gradient = backward(torch, lambda x: torch.nn.functional.cross_entropy(x[:, 0], torch.tensor(y[:, 0])), a)
    assert np.isnan(value)
    loss = losses.cross_entropy(a, y, ignore_index=-100)
    assert loss.value == 0
    assert not loss.gradient.any()


def test_a_nearly_certain_prediction(torch):
    """torch's loss and gradient of (40, 0) are 0 in double precision: 1 + e^-40 is 1. Here they are e^-40."""
    a = np.array([[[40.0, 0.0]]])
    y = np.array([[0]])
    value, gradient = backward(torch, lambda x: torch.nn.functional.cross_entropy(x[:, 0], torch.tensor(y[:, 0])), a)
    assert value == 0
    assert gradient[0, 0, 0] == 0
    assert losses.cross_entropy(a, y).value == np.exp(-40.0)
    assert losses.cross_entropy(a, y).gradient[0, 0, 0] == -np.exp(-40.0)
