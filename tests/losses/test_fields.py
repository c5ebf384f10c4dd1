"""The gradient of every loss is the derivative of its value, without tolerance; other fields run the same source."""

import numpy as np
import pytest
import sympy
from flint import arb

import refseq.fields.symbol  # noqa: F401 - registers sympy's numbers
from refseq import losses
from refseq.arrays import lift
from refseq.fields.ball import precision
from refseq.fields.differential import Dual
from refseq.fields.noise import Rounding
from refseq.fields.residue import MODULUS, Residue
from refseq.losses.reduction import OVER_FEATURES, REDUCTIONS
from tests.losses.examples import INSIDE, KINDS, example

CASES = [
    (kind, reduction)
    for kind in KINDS
    for reduction in (REDUCTIONS if kind in ("indices", "smoothed", "distributions") else OVER_FEATURES)
]


def residue(value) -> Residue:
    """Every fraction in the examples is an integer over a power of two; NaN, in padding, is any number."""
    if not isinstance(value, float) or np.isnan(value):
        return Residue(12345)
    numerator, denominator = value.as_integer_ratio()
    return Residue(numerator) / Residue(denominator)


@pytest.mark.parametrize(("kind", "reduction"), CASES)
def test_gradient_is_the_derivative_over_a_finite_field(kind, reduction):
    """<gradient, v> = the derivative of the value along v by dual numbers, exactly."""
    rng = np.random.default_rng(31)
    problem = example(kind, reduction=reduction)
    v = lift(rng.integers(0, MODULUS, problem.predictions.shape), Residue)
    tangents = iter(v.reshape(-1))
    dual = problem.lifted(lambda x: Dual(residue(x), Residue(0)), lambda x: Dual(residue(x), next(tangents))).run()
    plain = problem.lifted(residue).run()
    assert plain.value == dual.value.value
    assert dual.value.tangent == sum((plain.gradient * v).reshape(-1), Residue(0)) != 0


@pytest.mark.parametrize(("kind", "reduction"), CASES)
def test_a_step_into_the_complex_plane(kind, reduction):
    """Im loss(x + ihv)/h is the derivative along v, without cancellation; compiled for complex numbers."""
    problem, h = example(kind, reduction=reduction), 1e-30
    v = np.random.default_rng(32).normal(size=problem.predictions.shape)
    real = problem.run()
    options = {k: w.astype(complex) if getattr(w, "dtype", None) == float else w for k, w in problem.options.items()}
    targets = problem.targets.astype(complex) if problem.targets.ndim == 3 else problem.targets
    stepped = problem.run(**options, targets=targets, predictions=problem.predictions + 1j * h * v)
    # both are good to the bounds of test_accuracy: a hundred roundoffs of the terms
    close = 200 * np.finfo(float).eps
    assert abs(stepped.value.imag / h - np.sum(real.gradient * v)) <= close * np.sum(np.abs(real.gradient * v))
    assert abs(stepped.value.real - real.value) <= close * real.value


@pytest.mark.parametrize(("kind", "reduction"), CASES)
def test_central_differences(kind, reduction):
    """Along a direction, step h: error of h^2/6 times the third derivative, and rounding of the loss over h.

    For these losses, |third derivative| <= 2 |v|^3 (weights, targets and their sums are at most 6), cubes added up.
    """
    problem, h = example(kind, reduction=reduction), 1e-4
    v = np.random.default_rng(33).normal(size=problem.predictions.shape)
    ahead, behind = (problem.run(predictions=problem.predictions + s * h * v).value for s in (1, -1))
    loss = problem.run()
    cubes = 12 * np.sum(np.abs(v) ** 3)
    bound = h * h / 6 * cubes + 400 * np.finfo(float).eps * loss.value / h
    assert abs((ahead - behind) / (2 * h) - np.sum(loss.gradient * v)) <= bound


def test_symbols_spell_out_the_formulas():
    x, y = sympy.symbols("x y", real=True)
    array = np.array([[[x, y]]])
    loss = losses.cross_entropy(array, np.array([[1]]))
    assert sympy.simplify(sympy.exp(-loss.value) - sympy.exp(y) / (sympy.exp(x) + sympy.exp(y))) == 0
    assert sympy.simplify(loss.gradient[0, 0, 0] - sympy.diff(loss.value, x)) == 0
    binary = losses.binary_cross_entropy(np.array([[x]]), np.array([[y]]))
    p = 1 / (1 + sympy.exp(-x))
    for target, expected in ((0, 1 - p), (1, p)):
        assert sympy.simplify(sympy.exp(-binary.value.subs(y, target)) - expected) == 0
    assert sympy.simplify(binary.gradient[0, 0] - (p - y)) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_randomly_rounded_numbers_stay_close(kind):
    """Samples at u = 2^-24 spread around the double result as float32 would."""
    problem, rounding = example(kind), Rounding(2.0**-24, 30, 5)
    noisy, loss = problem.lifted(rounding.number).run(), problem.run()
    assert noisy.value.samples.mean() == pytest.approx(loss.value, rel=1e-5)
    spread = max(np.std(n.samples) for n in noisy.gradient[INSIDE].reshape(-1) if not isinstance(n, int))
    assert 0 < spread < 1e-5


def test_a_wide_ball_encloses_what_is_inside():
    """A ball of logits: the loss encloses those of its ends, also where a class weight may or may not be zero."""
    with precision(100):
        wide = lift(np.array([[[0.5, -1.0, 2.0]]]), lambda v: arb(v, 0.25))
        w = np.array([arb(0, 0.5), arb(1), arb(1)])
        loss = losses.cross_entropy(wide, np.array([[0]]), reduction="sum", class_weights=w)
        for end in (-0.25, 0.0, 0.25):
            a = np.array([[[0.5 + end, -1.0, 2.0]]])
            inner = losses.cross_entropy(a, np.array([[0]]), reduction="sum", class_weights=np.array([0.5, 1.0, 1.0]))
            assert loss.value.contains(arb(float(inner.value)))
            assert loss.gradient[0, 0, 0].contains(arb(float(inner.gradient[0, 0, 0])))


def test_objects_without_a_token_that_counts():
    with precision(64):
        nothing = lift(np.full((2, 1, 3), np.nan), arb)
        loss = losses.cross_entropy(nothing, np.zeros((2, 1), int), lengths=[0])
        assert loss.value == 0
        assert not loss.gradient.any()
