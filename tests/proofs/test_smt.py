"""Proofs by z3: every theorem, what checks a counterexample, and that formulas are those of the code."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import proofs
import refseq
from proofs import PROVED, Proved, Refuted, Undecided
from refseq.clipping import clip_by_norm, clip_by_value
from tests.conftest import framework

z3 = framework("z3")

from proofs.smt import claim as claims  # noqa: E402 - after it is known that z3 is there
from proofs.smt import clipping, ctc, steps  # noqa: E402
from proofs.smt.claim import Claim, decide, decide_all  # noqa: E402
from proofs.smt.evaluate import evaluate, variables  # noqa: E402
from proofs.smt.reals import activations  # noqa: E402
from refseq.primitives import clip, relu, sigmoid, tanh  # noqa: E402


@pytest.mark.parametrize("theorem", proofs.theorems("smt"), ids=lambda theorem: theorem.name)
def test_every_theorem(theorem):
    result = proofs.prove(theorem)
    assert result.verdict == PROVED, result.detail
    assert " = " in result.planted  # a counterexample has values


x, y = z3.Reals("x y")


def test_a_counterexample_is_put_in_and_one_that_is_none_is_noticed(monkeypatch):
    answer = decide(Claim("x <= 1", x <= 1, (x >= 0,)))
    assert isinstance(answer, Refuted)
    monkeypatch.setattr(claims, "evaluate", lambda formula, point: True)
    with pytest.raises(AssertionError, match="z3's counterexample is none: x <= 1 at x = 2"):
        decide(Claim("x <= 1", x <= 1, (x >= 2,)))


def test_what_z3_cannot_decide_is_undecided(monkeypatch):
    monkeypatch.setattr(claims, "SECONDS", 0.001)
    a, b, c = z3.Ints("a b c")
    fermat = z3.Implies(z3.And(a > 0, b > 0, c > 0), a * a * a + b * b * b != c * c * c)
    answer = decide(Claim("Fermat", fermat))
    assert isinstance(answer, Undecided)
    assert "z3 gave up" in answer.reason


def test_an_irrational_counterexample_is_undecided():
    answer = decide(Claim("x != sqrt 2", z3.Or(x < 0, x * x != 2)))
    assert isinstance(answer, Undecided)
    assert "irrational" in answer.reason


def test_nothing_is_not_proved():
    assert isinstance(decide_all(list), Undecided)


@given(st.lists(st.fractions(-5, 5, max_denominator=8), min_size=2, max_size=2))
def test_formulas_are_evaluated_as_z3_does(numbers):
    formulas = [
        x * y - 2 * x / 3 + (-y),
        z3.If(x > y, x - y, y * y),
        z3.And(x <= y, x != y),
        z3.Or(x == y, z3.Not(x < 0)),
        z3.Implies(x > 0, y / x >= 1),
    ]
    point = dict(zip(("x", "y"), numbers, strict=True))
    values = [(each, z3.RealVal(str(number))) for each, number in zip((x, y), numbers, strict=True)]
    for formula in formulas:
        found = evaluate(formula, point)
        expected = z3.simplify(z3.substitute(formula, *values))
        if isinstance(found, Fraction):
            assert z3.simplify(expected == z3.RealVal(str(found))).eq(z3.BoolVal(True))
        else:
            assert expected.eq(z3.BoolVal(bool(found)))


def test_variables_of_a_formula():
    assert {str(each) for each in variables(z3.If(x > 1, x, y + 2))} == {"x", "y"}


def test_laws_of_activations():
    """Each law proves something true, and no more than that."""
    with activations() as known:
        a, b, mirrored, other = sigmoid(x), sigmoid(x + 0), sigmoid(-x), tanh(-x)
        assert a.eq(b)  # the same argument, the same variable
        t = tanh(x)
        true = [a >= 0, a <= 1, mirrored == 1 - a, t == -other, t >= -1, t <= 1, z3.Implies(x == y, a == sigmoid(y))]
        false = [a > 0, a + t == 0, sigmoid(y) == a, a == t]
        for formula in true:
            assert isinstance(decide(Claim("", formula), known), Proved), formula
        for formula in false:
            assert isinstance(decide(Claim("", formula), known), Refuted), formula


def test_relu_and_clip_are_exact():
    for value, expected in ((-3, 0), (2, 2), (0, 0)):
        assert z3.simplify(relu(z3.RealVal(value)) == expected).eq(z3.BoolVal(True))
    for value, expected in ((-3, -1), (2, 1), (Fraction(1, 2), Fraction(1, 2))):
        found = clip(z3.RealVal(str(value)), z3.RealVal(1))
        assert z3.simplify(found == z3.RealVal(str(expected))).eq(z3.BoolVal(True))


def test_a_wrong_backward_is_refuted():
    """A peephole's path to the memory forgotten, in the cell's own function."""
    cell = refseq.catalogue()["lstm_peephole"].cell()
    stage = cell.stages[0]
    right = stage.backward

    def wrong(kept, s, made, p, dmade):
        da, (dh, dc), dp = right(kept, s, made, p, dmade)
        return da, (dh, dc - da[0] * p[0]), dp

    assert isinstance(decide_all(lambda: [steps.transposed(cell, stage)]), Proved)
    answer = decide_all(lambda: [steps.transposed(cell, replace(stage, backward=wrong))])
    assert isinstance(answer, Refuted)
    assert "v_c = " in answer.counterexample


@pytest.mark.parametrize("seed", range(8))
def test_clipping_is_the_formula_that_is_proved(seed):
    """refseq.clipping against the formulas of the proof, at points: up to rounding."""
    rng = np.random.default_rng(seed)
    g, threshold = rng.normal(size=3), float(rng.uniform(0.1, 3))
    norm = float(np.linalg.norm(g))
    point = {f"g_{k}": Fraction(float(v)) for k, v in enumerate(g)}
    point |= {"norm": Fraction(norm), "threshold": Fraction(threshold)}
    factor = evaluate(clipping.factor(clipping.norm, clipping.threshold), point)
    found, told = clip_by_norm({"g": g}, threshold)
    assert abs(told - norm) <= 4e-16 * norm
    assert np.all(np.abs(found["g"] - float(factor) * g) <= 1e-15 * np.abs(g))
    cut, _ = clip_by_value({"g": g}, threshold)
    assert np.array_equal(cut["g"], np.clip(g, -threshold, threshold))


def test_paths_of_ctc():
    """The collapse map, and both sums at numbers, in Python."""
    assert ctc.collapsed((1, 1, 0, 1, 2)) == [1, 1, 2]
    assert ctc.collapsed((0, 0, 0)) == []
    rng = np.random.default_rng(0)
    numbers = {f"p_{t}_{k}": Fraction(int(rng.integers(1, 9)), 7) for t in range(3) for k in range(3)}
    p = ctc.probabilities()
    for word in ((1, 2), (1, 1), (2,)):
        assert evaluate(ctc.forward(p, word), numbers) == evaluate(ctc.all_paths(p, word), numbers)
    assert evaluate(ctc.all_paths(p, (1, 1)), numbers) == numbers["p_0_1"] * numbers["p_1_0"] * numbers["p_2_1"]
