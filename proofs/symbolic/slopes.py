"""Slopes of the primitives, of the true functions: the laws that everywhere else are taken for granted.

``fields``: each slope, as numbers of any field compute it from the output, is the derivative of the value. ``floats``:
the rule that is compiled for floats is the same formula (it is run on a symbol for y).
"""

import sympy

import refseq.fields.symbol  # noqa: F401 - registers sympy's numbers
from proofs.symbolic.opaque import Term
from proofs.theorem import Answer, Proved, Refuted
from refseq import primitives

NAMES = ("tanh", "sigmoid", "identity", "exp", "log", "sqrt")
"""Smooth where they are defined; relu is looked at on both sides of its kink."""


def slope_of(name: str, x: Term, slope: Term) -> Answer:
    """Whether ``slope``, a formula in y, is the derivative of y = name(x)."""
    y = sympy.Symbol("y", real=True)
    value = getattr(primitives, name)(x)
    difference = sympy.diff(value, x) - slope.subs(y, value)
    if sympy.simplify(difference.rewrite(sympy.exp)) == 0:
        return Proved("1 identity")
    at = sympy.Rational(1, 3) if x.is_positive else sympy.Rational(-1, 3)
    sides: tuple[Term, ...] = (sympy.diff(value, x), slope.subs(y, value))
    left, right = (float(side.subs(x, at)) for side in sides)
    return Refuted(f"the slope of {name} is {slope} at its output y", f"at x = {at}: {left:.6g}, claimed {right:.6g}")


def fields() -> Answer:
    """Every slope of numbers of any field, for both signs of x."""
    y, count = sympy.Symbol("y", real=True), 0
    for name in NAMES:
        for sign in ("positive", "negative"):
            if sign == "negative" and name in ("log", "sqrt"):
                continue
            answer = slope_of(name, sympy.Symbol("x", real=True, **{sign: True}), _slope(name)(y))
            if not isinstance(answer, Proved):
                return answer
            count += 1
    for sign, slope in (("positive", 1), ("negative", 0)):
        x = sympy.Symbol("x", real=True, **{sign: True})
        if primitives.relu_slope(primitives.relu(x)) != slope or sympy.diff(primitives.relu(x), x) != slope:
            return Refuted("relu_slope(relu(x)) is the derivative of relu", f"it is not {slope} where x is {sign}")
        count += 1
    return Proved(f"{count} identities")


def floats(wrong: Term | None = None) -> Answer:
    """The compiled rules of tanh, sigmoid, identity and sqrt are the formulas of the fields; ``wrong`` is taken for the
    first."""
    y, count = sympy.Symbol("y", positive=True), 0
    for name in ("tanh", "sigmoid", "identity", "sqrt"):
        compiled = sympy.nsimplify(_slope(name).dispatch(float)(y))
        if wrong is not None and not count:
            compiled = wrong
        if sympy.simplify(compiled - _slope(name)(y)) != 0:
            return Refuted(f"the compiled slope of {name} is that of the fields", f"{compiled} and {_slope(name)(y)}")
        count += 1
    return Proved(f"{count} identities")


def _slope(name: str):
    return getattr(primitives, f"{name}_slope")


def planted_field() -> Answer:
    """y for the slope of the sigmoid."""
    y = sympy.Symbol("y", real=True)
    return slope_of("sigmoid", sympy.Symbol("x", real=True), y)


def planted_float() -> Answer:
    """1 - y for the slope of tanh."""
    return floats(1 - sympy.Symbol("y", positive=True))
