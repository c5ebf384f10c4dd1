"""Values and gradients against rigorous balls, which differentiate the forward source themselves, in derived bounds.

Bounds are of first order in the unit roundoff u, with 1 % to spare. E: roundoffs in exp and log1p.
"""

import numpy as np
import pytest
from flint import arb

from refseq import losses
from refseq.arrays import lift
from refseq.fields.ball import precision
from refseq.fields.differential import Node, pull_back
from refseq.fields.noise import UNIT_ROUNDOFF
from tests.losses.examples import CLASSES, FEATURES, INSIDE, KINDS, ROWS, STEPS, example

E = 2
TOKENS = STEPS * ROWS


def exact(problem):
    """Losses of tokens, scale, value and gradient as balls; the gradient by reverse mode through the forward source."""
    tape: list[Node] = []
    balls = problem.lifted(arb, lambda x: Node(tape, arb(x)))
    loss = balls.run()
    slopes = pull_back(tape, [(loss.value, arb(1))])
    gradient = lift(balls.predictions, lambda node: arb(0) if slopes[node.index] is None else slopes[node.index])
    return *(lift(a, lambda node: node.value) for a in (loss.tokens, loss.scale)), loss.value.value, gradient


def cross_entropy_bounds(problem, scale):
    """Per token: the loss, and its gradient before the scale.

    q: kept, spread, their sum, the weight: 6 roundings; its sums: CLASSES more. a_m - a_c: 1, exact shift d of the
    exponential: see refseq.softmax. For the pivot the gradient is elsewhere - mass (1 - p_m).
    """
    tokens, gradient = np.zeros((STEPS, ROWS)), np.zeros((STEPS, ROWS, CLASSES))
    w = problem.options["class_weights"].astype(float)
    s = problem.options.get("label_smoothing", 0)
    for t, b in np.argwhere(scale > 0):
        a, y = problem.predictions[t, b].astype(float), problem.targets[t, b]
        y = np.eye(CLASSES)[y] if problem.targets.ndim == 2 else y.astype(float)
        q, m = w * ((1 - s) * y + s / CLASSES), int(a.argmax())
        d = a[m] - a
        e = np.exp(-d)
        rest = np.delete(e, m).sum()
        p, active = e / e.sum(), np.where(d < 800, d, 0)
        log_total = np.log1p(rest)
        log_error = (p * (active + CLASSES + E)).sum() + (E + 1) * log_total
        tokens[t, b] = (q * ((d + log_total) * (10 + CLASSES) + log_error)).sum()
        away, target = p.copy(), q.copy()
        away[m], target[m] = rest / e.sum(), np.delete(q, m).sum()
        shift = active.copy()
        shift[m] = (active * e).sum() / rest if rest else 0
        gradient[t, b] = q.sum() * away * (shift + 2 * CLASSES + 2 * E + 14) + target * (8 + CLASSES)
    return tokens, gradient


def binary_bounds(problem, scale):
    """Terms are not negative: exp and log1p, 1 + x, weights and products; a sum of FEATURES."""
    x, y = (np.where(INSIDE[..., None], a, 0).astype(float) for a in (problem.predictions, problem.targets))
    v = problem.options["pos_weight"].astype(float)
    tokens = (v * y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x)).sum(-1) * (2 * E + 5 + FEATURES)
    small = np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))
    sigmoid, other = np.where(x > 0, 1 - small, small), np.where(x > 0, small, 1 - small)
    return tokens, ((1 - y) * sigmoid + v * y * other) * (2 * E + 7)


def squared_bounds(problem, scale):
    x, y = (np.where(INSIDE[..., None], a, 0).astype(float) for a in (problem.predictions, problem.targets))
    return ((x - y) ** 2).sum(-1) * (3 + FEATURES), 2 * abs(x - y) * 2


BOUNDS = dict(zip(KINDS, [cross_entropy_bounds] * 3 + [binary_bounds, squared_bounds], strict=True))


@pytest.mark.parametrize("scale", [1e-3, 2.0, 60.0, 1e4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_against_balls(kind, dtype, scale):
    problem, u = example(kind, dtype, scale), UNIT_ROUNDOFF[dtype]
    loss = problem.run()
    assert loss.value.dtype == loss.gradient.dtype == loss.tokens.dtype == dtype
    with precision(300):
        tokens, factor, value, gradient = exact(problem)
        errors = [
            np.array(lift(lift(np.asarray(mine), arb) - balls, float), float)
            for mine, balls in [(loss.tokens, tokens), (loss.scale, factor), (loss.gradient, gradient)]
        ]
        value_error = abs(float(arb(float(loss.value)) - value))
    tokens, factor = (np.array(lift(balls, float), float) for balls in (tokens, factor))
    token_bound, slope_bound = BOUNDS[kind](problem, factor)
    tiny = float(np.finfo(dtype).tiny)  # what is denormal is good to this
    roundings = TOKENS + 3  # of a scale: a sum of weights times counts, and a quotient
    gradient_bound = factor[..., None] * slope_bound + (roundings + 2) * abs(np.array(lift(gradient, float), float))
    assert np.all(np.abs(errors[0]) <= 1.01 * u * token_bound + tiny)
    assert np.all(np.abs(errors[1]) <= 1.01 * u * roundings * factor)
    assert np.all(np.abs(errors[2]) <= 1.01 * u * gradient_bound + tiny)
    total = (factor * token_bound).sum() + (roundings + 1 + TOKENS) * (factor * tokens).sum()
    assert value_error <= 1.01 * u * total + TOKENS * tiny
    counted = INSIDE & (factor > 0)
    assert not loss.gradient[~counted].any()
    assert not loss.tokens[~counted].any()


def test_softplus_in_ulp():
    """-log sigmoid(x), by log1p: the largest error in ULP over 4000 points, beside the derived bound (E + E + 1)."""
    x = np.concatenate([-np.logspace(-20, 4, 1000), np.logspace(-20, 4, 1000), np.linspace(-750, 750, 2000)])
    for dtype in ("float32", "float64"):
        a = x.astype(dtype)
        loss = losses.binary_cross_entropy(a.reshape(1, -1), np.ones((1, a.size), dtype), reduction="sum")
        with precision(300):
            true = [(-arb(v)).exp().log1p() for v in a.tolist()]
            error = [float(abs(arb(v) - e)) for v, e in zip(loss.tokens[0].tolist(), true, strict=True)]
        ulp = np.array(error) / np.spacing(np.maximum(loss.tokens[0], np.finfo(dtype).tiny)).astype(float)
        assert ulp.max() <= 2 * E + 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_saturated_logits(dtype):
    """Where the prediction is certain: the gradient is what is left, and not 1 - 1 = 0."""
    a = np.array([[[40.0, 0.0]]], dtype)
    loss = losses.cross_entropy(a, np.array([[0]]), reduction="sum")
    tail = np.exp(np.array(-40.0, dtype))
    assert loss.value == tail
    assert loss.gradient.reshape(-1).tolist() == [-tail, tail]
    far = np.array([[[1e4, -1e4, 0.0]]], dtype)
    assert losses.cross_entropy(far, np.array([[1]])).value == 2e4
    assert losses.cross_entropy(far, np.array([[1]])).gradient.tolist() == [[[1, -1, 0]]]
    for x, y, value, slope in [(1e4, 0, 1e4, 1), (-1e4, 1, 1e4, -1), (1e4, 1, 0, 0), (-1e4, 0, 0, 0)]:
        loss = losses.binary_cross_entropy(np.array([[x]], dtype), np.array([[y]], dtype))
        assert (loss.value, loss.gradient.item()) == (value, slope)
    loss = losses.binary_cross_entropy(np.array([[40.0]], dtype), np.ones((1, 1), dtype))
    assert loss.gradient.item() == -tail


def test_a_class_ruled_out():
    """A logit of -inf: nothing where it is not the target, a loss of inf where it is."""
    a = np.array([[[-np.inf, 1.0, 2.0]]])
    rest = losses.cross_entropy(a[..., 1:], np.array([[1]]))
    loss = losses.cross_entropy(a, np.array([[2]]))
    assert loss.value == rest.value
    assert loss.gradient.reshape(-1).tolist() == [0, *rest.gradient.reshape(-1)]
    assert losses.cross_entropy(a, np.array([[0]])).value == np.inf


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_perplexity_of_the_perfect_and_the_uniform_model(dtype):
    """L2.3. exp(x) of an x that is wrong by r roundoffs is wrong by r x of them."""
    y = np.random.default_rng(3).integers(0, CLASSES, (STEPS, ROWS))
    perfect, uniform = (1e4 * np.eye(CLASSES)[y]).astype(dtype), np.full((STEPS, ROWS, CLASSES), 7, dtype)
    assert losses.perplexity(perfect, y, lengths=[0, 4, 1, 2, 3]) == 1
    found = losses.perplexity(uniform, y, lengths=[0, 4, 1, 2, 3])
    roundings = np.log(CLASSES) * (2 * E + 16) + E + TOKENS
    assert abs(float(found) - CLASSES) <= 1.01 * UNIT_ROUNDOFF[dtype] * CLASSES * roundings
    assert losses.perplexity(-perfect, y) == np.inf
    assert losses.perplexity(uniform, y, lengths=[0] * ROWS) == 1
