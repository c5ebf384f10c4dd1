"""Per unit, backward is the derivative of forward: a symbolic identity for every cell of the catalogue.

All units and sizes share the formula of one unit, so the scalar identity is the proof for the pointwise part of
a layer.
"""

import pytest
import sympy

import refseq
import refseq.fields.symbol
from refseq.primitives import tanh

VARIANTS = [cell for recurrence in refseq.catalogue().values() for cell in recurrence.variants()]
MODULATED = [cell for cell in VARIANTS if cell.modulated]
SIGNS = ("positive", "negative")  # relu has a formula on each side of its kink


def symbols(name: str, count: int, **assumptions) -> tuple:
    return tuple(sympy.Symbol(f"{name}{k}", real=True, **assumptions) for k in range(count))


def wrong(expected, claimed, variables) -> list[str]:
    """The variables by which the derivative of ``expected`` is not the claimed one."""
    result = []
    for variable, claim in zip(variables, claimed, strict=True):
        difference = sympy.together(sympy.diff(expected, variable) - claim)
        if sympy.expand(sympy.numer(difference)) != 0:
            result.append(str(variable))
    return result


def unit(cell, sign="positive"):
    a = symbols("a", cell.values, **({sign: True} if cell.options.get("activation") == "relu" else {}))
    return a, symbols("s", len(cell.state)), symbols("p", len(cell.parameters)), symbols("ds", len(cell.state))


def disagreements(cell, backward, sign="positive") -> list[str]:
    """Variables of which ``backward`` has the wrong cotangent."""
    a, s, p, ds1 = unit(cell, sign)
    s1, tape = cell.forward(a, s, p)
    loss = sum(weight * value for weight, value in zip(ds1, s1, strict=True))
    da, ds, dp = backward(tape, s, s1, p, ds1)
    early = [0] * len(cell.early)  # forward may not depend on them: that is the operand's part
    return wrong(loss, (*early, *da, *ds, *dp), (*a, *s, *p))


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("cell", VARIANTS, ids=lambda cell: cell.label)
def test_backward_is_the_derivative_of_forward(cell, sign):
    assert disagreements(cell, cell.backward, sign) == []


@pytest.mark.parametrize("cell", MODULATED, ids=lambda cell: cell.label)
def test_operand_backward_is_the_derivative_of_operand(cell):
    a, s, p, (dv, *_) = unit(cell)
    a = a[: len(cell.early)]
    v, tape = cell.operand(a, s, p)
    da, ds, dp = cell.operand_backward(tape, s, p, dv)
    assert wrong(dv * v, (*da, *ds, *dp), (*a, *s, *p)) == []


@pytest.mark.parametrize("cell", VARIANTS, ids=lambda cell: cell.label)
def test_every_gate_enters(cell):
    """A description with a gate that does nothing would pass all checks of gradients."""
    a, s, p, _ = unit(cell)
    used = set().union(*(value.free_symbols for value in cell.forward(a, s, p)[0]))
    if cell.operand is not None:
        used |= cell.operand(a[: len(cell.early)], s, p)[0].free_symbols
    assert set(a) | set(p) <= used


def test_a_lost_term_is_refuted():
    """LSTM without the way from h through c: the gates that act on c are wrong, the output gate is right."""
    cell = refseq.catalogue()["lstm"].cell()

    def lossy(tape, s, s1, p, ds1):
        dh1, dc1 = ds1
        (_, _, _, dao), _, _ = cell.backward(tape, s, s1, p, ds1)
        (dai, daf, dag, _), ds, dp = cell.backward(tape, s, s1, p, (dh1 * 0, dc1))
        return (dai, daf, dag, dao), ds, dp

    assert disagreements(cell, lossy) == ["a0", "a1", "a2", "s1"]


def test_a_forgotten_slope_is_refuted():
    cell = refseq.catalogue()["elman"].cell()

    def forgetful(tape, s, s1, p, ds1):
        return (ds1[0],), (ds1[0] * 0,), ()

    assert disagreements(cell, forgetful) == ["a0"]
    assert tanh(sympy.Symbol("x")).has(sympy.tanh)
