"""Per unit, backward is the derivative of forward: a symbolic identity for every stage of every cell of the catalogue.

All units and sizes share the formula of one unit, so the scalar identity is the proof for the pointwise part of
a layer.
"""

import pytest
import sympy

import refseq
import refseq.fields.symbol
from refseq.primitives import tanh
from tests.variants import CELLS

STAGES = [(cell, number) for cell in CELLS for number, stage in enumerate(cell.stages) if stage.forward is not None]
every_stage = pytest.mark.parametrize(
    ("cell", "number"), STAGES, ids=[f"{cell.label} {cell.stages[n].makes}" for cell, n in STAGES]
)
SIGNS = ("positive", "negative")  # relu has a formula on each side of its kink
BOUND = sympy.Integer(3)


def symbols(name: str, count: int, **assumptions) -> tuple:
    return tuple(sympy.Symbol(f"{name}{k}", real=True, **assumptions) for k in range(count))


def wrong(expected, claimed, variables) -> list[str]:
    """The variables by which the derivative of ``expected`` is not the claimed one."""
    result = []
    for variable, claim in zip(variables, claimed, strict=True):
        difference = sympy.together(sympy.piecewise_fold(sympy.diff(expected, variable) - claim))
        if sympy.expand(sympy.numer(difference)) != 0:
            result.append(str(variable))
    return result


def unit(cell, number, sign="positive"):
    """Symbols for one unit's a, s, p and cotangents; a has one sign where an activation has a kink."""
    stage = cell.stages[number]
    kinked = "relu" in cell.options.values()
    a = symbols("a", len(stage.slots), **({sign: True} if kinked else {}))
    s = symbols("s", len(cell.state) + len(stage.sees), **({sign: True} if kinked and not stage.slots else {}))
    own = symbols("p", len(cell.own))
    constants = tuple(BOUND if name == "clip" else sympy.Symbol(name) for name in cell.constants)
    return a, s, (*own, *constants, *symbols("mask", len(cell.masks))), symbols("ds", len(stage.makes))


def disagreements(cell, number, backward, sign="positive") -> list[str]:
    """Variables of which ``backward`` has the wrong cotangent."""
    a, s, p, cotangents = unit(cell, number, sign)
    made, kept = cell.stages[number].forward(a, s, p)
    loss = sum(weight * value for weight, value in zip(cotangents, made, strict=True))
    da, ds, dp = backward(kept, s, made, p, cotangents)
    return wrong(loss, (*da, *ds, *dp), (*a, *s, *p[: len(cell.own)]))


def kinks(cell) -> bool:
    """Whether sympy is left with Min and Max that it cannot resolve: those are looked at by number, below."""
    return cell.options.get("clip") is not None or cell.options.get("hidden_activation") == "relu"


@pytest.mark.parametrize("sign", SIGNS)
@every_stage
def test_backward_is_the_derivative_of_forward(cell, number, sign):
    if kinks(cell):
        assert numerically_wrong(cell, number) == []
    else:
        assert disagreements(cell, number, cell.stages[number].backward, sign) == []


def numerically_wrong(cell, number) -> list[str]:
    """``disagreements`` with numbers put in for all symbols, on both sides of every kink, to 40 digits."""
    a, s, p, cotangents = unit(cell, number)
    stage, result = cell.stages[number], []
    for factor in (sympy.Rational(1, 3), sympy.Integer(-2), sympy.Integer(5)):
        values = {
            v: factor * sympy.Rational(k + 2, 7) for k, v in enumerate((*a, *s, *p, *cotangents)) if v.free_symbols
        }
        made, kept = stage.forward(a, s, p)
        loss = sum(weight * value for weight, value in zip(cotangents, made, strict=True))
        variables = (*a, *s, *p[: len(cell.own)])
        point = [
            tuple(sympy.sympify(x).subs(values).evalf(50) for x in part) for part in (kept, s, made, p, cotangents)
        ]
        da, ds, dp = stage.backward(*point)
        for variable, claim in zip(variables, (*da, *ds, *dp), strict=True):
            h = sympy.Rational(1, 10**18)
            up, down = (loss.subs(values | {variable: values[variable] + d}).evalf(60) for d in (h, -h))
            if abs((up - down) / (2 * h) - claim) > 1e-25:
                result.append(str(variable))
    return result


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.label)
def test_everything_enters(cell):
    """A description with a gate or parameter that does nothing would pass all checks of gradients."""
    for number, stage in enumerate(cell.stages):
        if stage.forward is not None:
            a, s, p, _ = unit(cell, number)
            made = [sympy.sympify(value) for value in stage.forward(a, s, p)[0]]
            used = set().union(*(value.free_symbols for value in made))
            assert set(a) | set(s[len(cell.state) :]) <= used, stage.makes
    numbers = {n for n, stage in enumerate(cell.stages) if stage.forward is not None}
    owned = set()
    for number in numbers:
        a, s, p, _ = unit(cell, number)
        made = cell.stages[number].forward(a, s, p)[0]
        owned |= set().union(*(sympy.sympify(value).free_symbols for value in made))
    assert set(symbols("p", len(cell.own))) | set(symbols("mask", len(cell.masks))) <= owned


def test_a_lost_term_is_refuted():
    """LSTM without the way from h through c: the gates that act on c are wrong, the output gate is right."""
    cell = refseq.catalogue()["lstm"].cell()
    backward = cell.stages[0].backward

    def lossy(kept, s, made, p, dmade):
        dc1, dh1 = dmade
        (_, _, _, dao), _, _ = backward(kept, s, made, p, dmade)
        (dai, daf, dag, _), ds, dp = backward(kept, s, made, p, (dc1, dh1 * 0))
        return (dai, daf, dag, dao), ds, dp

    assert disagreements(cell, 0, lossy) == ["a0", "a1", "a2", "s1"]


def test_a_forgotten_slope_is_refuted():
    cell = refseq.catalogue()["elman"].cell()

    def forgetful(kept, s, made, p, dmade):
        return (dmade[0],), (dmade[0] * 0,), ()

    assert disagreements(cell, 0, forgetful) == ["a0"]
    assert tanh(sympy.Symbol("x")).has(sympy.tanh)


def test_a_forgotten_clip_is_refuted():
    """By number, which is how cells with kinks are looked at."""
    cell = refseq.catalogue()["lstm"].cell(clip=0.5)
    right = cell.stages[0]
    plain = refseq.catalogue()["lstm"].cell().stages[0]
    assert numerically_wrong(cell, 0) == []
    from dataclasses import replace

    forgetful = replace(right, backward=lambda kept, s, made, p, dmade: plain.backward(kept, s, made, (), dmade))
    assert numerically_wrong(replace(cell, stages=(forgetful,)), 0) != []
