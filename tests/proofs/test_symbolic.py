"""Symbolic proofs: what is proved, and that wrong formulas are not."""

from dataclasses import replace

import numpy as np
import pytest
import sympy

import proofs
import refseq
from proofs import PROVED, Proved, Refuted, Undecided
from proofs.cells import every_cell
from proofs.symbolic import abstract, scans
from proofs.symbolic.backward import backward, spoiled, stage_backward, symbols
from proofs.symbolic.identity import gradient, vanishes, wrong_by_sympy
from proofs.symbolic.opaque import Opaque, Sigmoid, Tanh, expression, symbol
from proofs.symbolic.polynomial import NotPolynomial, Polynomials
from proofs.symbolic.products import array
from tests.variants import KINDS, label

EVERY = [theorem for theorem in proofs.theorems("symbolic") if not theorem.name.startswith("layer/")]
LAYERS = [
    theorem
    for theorem in proofs.theorems("symbolic")
    if theorem.name.removeprefix("layer/")
    in ("lstm", "gru", "gru(reset=after)", "jordan", "lstm(projection=2)", "skip", "tree_lstm(arity=3)")
]


@pytest.mark.parametrize("theorem", EVERY + LAYERS, ids=lambda theorem: theorem.name)
def test_every_theorem(theorem):
    result = proofs.prove(theorem)
    assert result.verdict == PROVED, result.detail


def test_every_cell_of_both_catalogues_is_there():
    named = {theorem.name for theorem in EVERY}
    for name in (*refseq.catalogue(), *refseq.trees.catalogue()):
        assert f"backward/{name}" in named
    for variant in KINDS:
        name, options = variant
        if "softmax" not in label(variant) and len(options) == 1:
            ((key, value),) = options.items()
            assert f"backward/{name}({key}={value})" in named or key == "learn"


def lost_path(right, kept, s, made, p, dmade):
    """LSTM: what h asks of c does not reach the gates."""
    dc1, dh1 = dmade
    (*_, dao), _, _ = right(kept, s, made, p, dmade)
    (*gates, _), ds, dp = right(kept, s, made, p, (dc1, dh1 * 0))
    return (*gates, dao), ds, dp


def new_for_old(right, kept, s, made, p, dmade):
    """LSTM: the forget gate's cotangent with c_t for c_{t-1}."""
    return right(kept, (s[0], made[0]), made, p, dmade)


def no_peephole(right, kept, s, made, p, dmade):
    """Peephole: what the gates ask of the old memory is lost."""
    da, (dh, dc), dp = right(kept, s, made, p, dmade)
    return da, (dh, dc - da[0] * p[0] - da[1] * p[1]), dp


def no_slope(right, kept, s, made, p, dmade):
    """Elman: the slope is forgotten."""
    return dmade, (dmade[0] * 0,), ()


def swapped(right, kept, s, made, p, dmade):
    """GRU after: two gates exchanged."""
    (dr, dz, *rest), ds, dp = right(kept, s, made, p, dmade)
    return (dz, dr, *rest), ds, dp


def no_clip(right, kept, s, made, p, dmade):
    """LSTM with clip: what goes through the clipped memory is not stopped."""
    plain = refseq.catalogue()["lstm"].cell().stages[0].backward
    return plain(kept, s, made, (), dmade)


WRONG = {
    "lost path": ("lstm", lost_path, {}, "a_i"),
    "c_t for c_(t-1)": ("lstm", new_for_old, {}, "a_f"),
    "lost peephole": ("lstm_peephole", no_peephole, {}, "c_(t-1)"),
    "forgotten slope": ("elman", no_slope, {}, "a_h"),
    "swapped gates": ("gru", swapped, {"reset": "after"}, "a_r"),
    "forgotten clip": ("lstm", no_clip, {"clip": 0.5}, "a_i"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_formula_is_refuted_and_the_variable_named(case):
    name, edit, options, variable = WRONG[case]
    right = refseq.catalogue()[name].cell(**options)
    assert isinstance(backward(right), Proved)
    answer = stage_backward(right, edited_stage(name, edit, options))
    assert isinstance(answer, Refuted)
    assert f"d loss / d {variable} " in answer.claim
    assert "derivative" in answer.counterexample


def edited_stage(name, edit, options):
    """The wrong stage alone: a description with it would be tried out on floats."""
    stage = refseq.catalogue()[name].cell(**options).stages[0]
    right = stage.backward
    return replace(stage, backward=lambda *arguments: edit(right, *arguments))


def test_a_counterexample_is_one():
    """The numbers of a refutation are the derivative of the true function and what is claimed."""
    x = symbol("x")
    answer = gradient(Opaque(Tanh(x.expression)), [(x.expression, Opaque(Tanh(x.expression)))])
    assert isinstance(answer, Refuted)
    at = float(answer.counterexample.rpartition(" ")[2])
    y = np.tanh(at)
    assert answer.counterexample == f"derivative {1 - y * y:.6g}, claimed {y:.6g} at x = {at:g}"


def test_a_relation_that_is_not_known_is_undecided():
    """tanh x = 2 sigmoid(2x) - 1: true, and beyond the laws."""
    x = sympy.Symbol("x", real=True)
    loss, claim = x * Tanh(x), 2 * Sigmoid(2 * x) - 1 + x * (1 - Tanh(x) ** 2)
    answer = gradient(Opaque(loss), [(x, Opaque(claim))])
    assert isinstance(answer, Undecided)
    assert "equals it at every point" in answer.reason


def test_nothing_is_not_proved():
    assert isinstance(gradient(symbol("x"), []), Undecided)


@pytest.mark.parametrize("name", ["lstm", "lstm_peephole", "gru(reset=after)", "leaky(learn=unit)", "tree_lstm"])
def test_polynomials_and_sympy_agree(name):
    """The two ways to differentiate, on right and on wrong claims."""
    cell = dict(every_cell())[name]
    for wrong in (False, True):
        stage = (spoiled(cell) if wrong else cell).stages[0]
        a, s, p, cotangents = symbols(cell, stage)
        made, kept = stage.forward(a, s, p)
        loss = expression(sum((d * v for d, v in zip(cotangents, made, strict=True)), Opaque(0)))
        claims = [expression(each) for group in stage.backward(kept, s, made, p, cotangents) for each in group]
        variables = [v.expression for v in (*a, *s, *p[: len(cell.own)])]
        pairs = list(zip(variables, claims, strict=True))
        ring = Polynomials(loss, [part for pair in pairs for part in pair])
        judged = [ring.derivative(loss, v) == ring.polynomial(claim) for v, claim in pairs]
        assert judged == [vanishes(sympy.diff(loss, v) - claim) for v, claim in pairs]
        assert (wrong_by_sympy(loss, pairs) is None) == (not wrong) == all(judged)


def test_quotients_are_no_polynomials():
    x = sympy.Symbol("x")
    with pytest.raises(NotPolynomial):
        Polynomials(1 / x, [])
    assert isinstance(gradient(Opaque(1 / x), [(x, Opaque(-1 / x**2))]), Proved)
    assert isinstance(gradient(Opaque(1 / x), [(x, Opaque(1 / x**2))]), Refuted)


def test_opaque_numbers_mix_with_integers_only():
    with pytest.raises(TypeError, match=r"cannot be combined with float 0\.5"):
        symbol("x") + 0.5
    assert expression(1 - symbol("x") / 2) == 1 - sympy.Symbol("x", real=True) / 2


def test_names_that_stand_twice_are_refused():
    cell = refseq.catalogue()["elman"].cell()
    stage = replace(cell.stages[0], slots=("h", "h"))
    with pytest.raises(ValueError, match="expected distinct names, got a_h, a_h"):
        symbols(cell, stage)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_cell_that_forgets_a_state_breaks_the_scan(lost):
    assert isinstance(scans.scan(abstract.one_stage(), 2), Proved)
    answer = scans.scan(abstract.planted(abstract.one_stage(), lost), 2)
    assert isinstance(answer, Refuted)
    assert "F" in answer.counterexample


def test_a_loop_that_starts_too_late_is_refuted(monkeypatch):
    """BPTT that forgets the first step."""
    from refseq import scan
    from refseq.targets import host

    build = scan.build_scan

    def late(cell, team):
        right = build(cell, team)

        def backward_row(b, start, stop, *rest):
            right.backward_row(b, max(start, 1), stop, *rest)

        return replace(right, backward_row=backward_row)

    monkeypatch.setattr(host, "build_scan", late)
    assert isinstance(scans.scan(abstract.one_stage(), 1), Refuted)
    monkeypatch.undo()
    assert isinstance(scans.scan(abstract.one_stage(), 1), Proved)


def test_arrays_have_a_symbol_for_each_entry():
    assert len({expression(each) for each in array("W", 2, 3).flat}) == 6
