"""Hessian-vector products: symmetric and, where they must be, J^T J v, exactly; equal to differences of gradients."""

import numpy as np
import pytest

import refseq
from refseq.arrays import lift
from refseq.checks.budget import THRESHOLD, sigma
from refseq.checks.problem import draw
from refseq.checks.ridders import derivative
from refseq.fields.residue import MODULUS, Residue
from refseq.gradients import hessian_product, jvp, linear_loss
from refseq.gradients.tangents import METHODS
from tests.gradients.problems import BOTH_WAYS, FLOATING, ONE_WAY, ROWS, STEPS, dot, drawn, exact, parts, same


def another(direction):
    rng = np.random.default_rng(5)
    if isinstance(direction, dict):
        return {name: another(value) for name, value in direction.items()}
    if isinstance(direction, tuple):
        return tuple(another(value) for value in direction)
    return lift(rng.integers(0, MODULUS, direction.shape), Residue)


@pytest.mark.parametrize("layer", [*ONE_WAY, *BOTH_WAYS], ids=str)
def test_it_is_symmetric_exactly(layer):
    """u^T H v = v^T H u over the finite field: BPTT's source is differentiated, and its derivative is a Hessian."""
    case = exact(layer)
    u, v = another(case.along), case.along

    def product(direction):
        return parts(
            hessian_product(*case.given, linear_loss(*case.asked), *direction, **case.extra, method="dual numbers")
        )

    assert dot(u, product(v)) == dot(v, product(u)) != 0


@pytest.mark.parametrize("layer", [*ONE_WAY[:3], BOTH_WAYS[1]], ids=str)
def test_the_curvature_of_the_loss_enters(layer):
    """Half the squared error at its minimum has H = J^T J: v^T H v = |J v|^2, exactly."""
    case = exact(layer)
    run = layer.forward(*case.given[1:], target="reference", **case.extra)
    product = hessian_product(
        *case.given,
        lambda y, state: (y - run.y, {name: value - run.state[name] for name, value in state.items()}),
        *case.along,
        method="dual numbers",
    )
    moved = jvp(*case.given, *case.along, **case.extra, method="dual numbers")
    assert dot(case.along, parts(product)) == dot(moved, moved)


def test_a_loss_may_look_at_the_outputs_only():
    case = exact(ONE_WAY[0])
    both = hessian_product(
        *case.given, lambda y, state: (y * y, None), *case.along, **case.extra, method="dual numbers"
    )
    zeros = dict.fromkeys(case.state)
    same_again = hessian_product(
        *case.given, lambda y, state: (y * y, zeros), *case.along, **case.extra, method="dual numbers"
    )
    assert same(parts(both), parts(same_again))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "layer", [*FLOATING, refseq.layer("gru", 2, 3, reset="after", layers=2, bidirectional=True)], ids=str
)
def test_it_is_the_difference_of_gradients(layer, method):
    """Extrapolated central differences of <u, gradient>, with their own error estimate."""
    case = drawn(layer)
    u, wanted = (case.params, case.x, case.state), np.cos(case.dy)
    budget = sigma(draw(layer, "float64", STEPS, ROWS))
    noise = np.sqrt(sum(np.sum((budget["d" + name] * value) ** 2) for name, value in case.params.items()))

    def loss(y, state):
        return y - wanted, case.dstate

    def along(h):
        params, x, state = (
            {n: v + h * w[n] for n, v in value.items()} if isinstance(value, dict) else value + h * w
            for value, w in zip(u, case.along, strict=True)
        )
        run = layer.forward(params, x, state, case.lengths, "reference")
        return dot(u, parts(layer.backward(run, *loss(run.y, run.state))))

    product = dot(u, parts(hessian_product(*case.given, loss, *case.along, method=method)))
    difference, estimate = derivative(along, float(noise))
    assert abs(product - difference) <= THRESHOLD * estimate
    assert estimate <= 1e-6 * abs(product)


def test_the_closed_form_of_the_linear_network():
    """L1.14 once more: d^2 w^(T-1) / dw^2 = (T-1)(T-2) w^(T-3)."""
    layer, steps = refseq.layer("elman", 1, 1, activation="identity", bias=False), 60
    x, dy, one = np.zeros((steps, 1, 1)), np.zeros((steps, 1, 1)), np.ones((1, 1, 1))
    x[0] = dy[-1] = 1
    for w in (0.9, 1.0, -1.1):
        params, direction = {"W_hx": one, "W_hh": w * one}, {"W_hx": None, "W_hh": one}
        for method in METHODS:
            product = hessian_product(layer, params, x, None, None, linear_loss(dy), direction, method=method)
            expected = (steps - 1) * (steps - 2) * w ** (steps - 3)
            assert product.params["W_hh"][0, 0, 0] == pytest.approx(expected, rel=8 * steps * 2.0**-53)


def test_dtypes_and_shapes():
    for dtype in ("float32", "float64"):
        case = drawn(FLOATING[1], dtype)
        product = hessian_product(*case.given, linear_loss(*case.asked), *case.along)
        assert {value.dtype for value in (product.x, *product.params.values(), *product.state.values())} == {
            np.dtype(dtype)
        }
        assert product.x.shape == case.x.shape
        assert {name: value.shape for name, value in product.params.items()} == case.layer.shapes
        padding = np.arange(STEPS)[:, None] >= case.lengths
        assert not product.x[padding].any()


def test_what_is_refused():
    case = drawn(FLOATING[1])
    with pytest.raises(ValueError, match="dy: expected shape"):
        hessian_product(*case.given, linear_loss(case.dy[1:]))
    with pytest.raises(ValueError, match="method"):
        hessian_product(*case.given, linear_loss(case.dy), method="finite differences")
    with pytest.raises(TypeError, match="dy: expected a numpy array, got list"):
        hessian_product(*case.given, lambda y, state: ([1.0], None))
    assert len(case.lengths) == ROWS
