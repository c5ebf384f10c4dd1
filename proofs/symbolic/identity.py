"""Deciding whether claimed derivatives are the derivatives: polynomial identities, by expanding them.

Polynomials are differentiated and expanded in ``proofs.symbolic.polynomial``, expressions with quotients or roots by
sympy. The tests hold the two ways against each other.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sympy
from sympy import Function

from proofs.symbolic.opaque import Term, Variable, expression
from proofs.symbolic.polynomial import NotPolynomial, Polynomials
from proofs.theorem import Answer, Proved, Refuted, Undecided

ATTEMPTS = 16
"""Points at which a counterexample is looked for: sixteenths between -2 and 2."""

Point = Mapping[Variable, float]
Claims = Iterable[tuple[Variable, Any]]
"""Variables, each with the claimed derivative."""


def gradient(loss: Any, claims: Claims) -> Answer:
    """Whether the derivative of the loss by each variable is the claimed one."""
    total, pairs = expression(loss), [(variable, expression(claimed)) for variable, claimed in claims]
    if not pairs:
        return Undecided("nothing to prove: no variable, no identity")
    try:
        ring = Polynomials(total, [part for pair in pairs for part in pair])
    except NotPolynomial:
        wrong = wrong_by_sympy(total, pairs)
        return Proved(f"{len(pairs)} identities") if wrong is None else _by_sympy(total, *pairs[wrong])
    for variable, claim in pairs:
        derivative, claimed = ring.derivative(total, variable), ring.polynomial(claim)
        if derivative != claimed:
            return _in_ring(ring, variable, derivative, claimed)
    return Proved(f"{len(pairs)} identities")


def wrong_by_sympy(loss: Term, pairs: Sequence[tuple[Variable, Term]]) -> int | None:
    """The number of the first claimed derivative that is not sympy's; for rational functions as well."""
    right = (vanishes(sympy.diff(loss, variable) - claim) for variable, claim in pairs)
    return next((k for k, each in enumerate(right) if not each), None)


def every(answers: Iterable[Answer]) -> Answer:
    """The first answer that is no proof, or all identities together."""
    count = 0
    for answer in answers:
        if not isinstance(answer, Proved):
            return answer
        count += int(answer.shown.split()[0])
    return Proved(f"{count} identities") if count else Undecided("nothing to prove")


def vanishes(difference: Term) -> bool:
    """Whether an expression is 0 as a rational function of its variables and of its opaque functions, each of which is
    a variable of its own for each argument."""
    flat = _flat(difference, {})
    numerator = flat if flat.is_polynomial(*flat.free_symbols) else sympy.numer(sympy.together(flat))
    return sympy.expand(numerator) == 0


def _flat(part: Term, names: dict[Term, Variable]) -> Term:
    """The expression with a symbol for each outermost function."""
    if isinstance(part, Function):
        return names.setdefault(part, sympy.Dummy())
    if not part.args:
        return part
    return part.func(*(_flat(each, names) for each in part.args))


def _in_ring(ring: Polynomials, variable: Variable, derivative: Any, claimed: Any) -> Answer:
    """The refutation of a polynomial identity: numbers, or a term where functions are arbitrary."""
    claim, difference = f"d loss / d {variable} is not the derivative", derivative - claimed
    if ring.arbitrary:
        return Refuted(claim, f"derivative - claim = {ring.words(difference)}")
    variables = sorted((letter for letter in ring.letters if letter.is_Symbol), key=str)

    def sides(point: Point) -> tuple[float, float]:
        values = ring.values(point)
        return ring.at(derivative, values), ring.at(claimed, values)

    return _refuted(claim, variables, sides)


def _by_sympy(loss: Term, variable: Variable, claimed: Term) -> Answer:
    """The refutation of an identity of rational functions."""
    derivative: Term = sympy.diff(loss, variable)
    variables = sorted(derivative.free_symbols | claimed.free_symbols, key=str)

    def sides(point: Point) -> tuple[float, float]:
        exact = {v: sympy.Rational(number) for v, number in point.items()}
        return tuple(float(side.xreplace(exact)) for side in (derivative, claimed))  # type: ignore[return-value]

    return _refuted(f"d loss / d {variable} is not the derivative", variables, sides)


def _refuted(claim: str, variables: Sequence[Variable], sides: Callable[[Point], tuple[float, float]]) -> Answer:
    """The first of a few points at which the sides differ by more than rounding."""
    rng = random.Random(0)
    for _ in range(ATTEMPTS):
        point = {v: rng.choice((-1, 1)) * rng.randint(1, 32) / 16 for v in variables}
        point = {v: abs(number) if v.is_positive else number for v, number in point.items()}
        derivative, claimed = sides(point)
        if not abs(derivative - claimed) <= 1e-9 * (abs(derivative) + abs(claimed)) + 1e-12:
            values = ", ".join(f"{variable} = {number:g}" for variable, number in point.items())
            return Refuted(claim, f"derivative {derivative:.6g}, claimed {claimed:.6g} at {values}")
    return Undecided(f"{claim} by the laws known here, but equals it at every point that was tried")
