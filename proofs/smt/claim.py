"""A claim under assumptions, and its decision by z3: no real numbers contradict it, or these do."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import z3

from proofs.smt.evaluate import evaluate, fraction, variables
from proofs.smt.reals import Applications, activations
from proofs.theorem import Answer, Proved, Refuted, Undecided

SECONDS = 20


@dataclass(frozen=True)
class Claim:
    """``conclusion`` for all reals that satisfy the assumptions."""

    what: str
    conclusion: Any
    assumptions: tuple[Any, ...] = ()


def decide(claim: Claim, applications: Applications | None = None) -> Answer:
    """Whether z3 finds no counterexample; one that it finds is put into the formulas, by exact fractions."""
    known = [*claim.assumptions, *(applications.laws() if applications else [])]
    solver = z3.Solver()
    solver.set("timeout", int(1000 * SECONDS))
    solver.add(*known, z3.Not(claim.conclusion))
    answer = solver.check()
    if answer == z3.unsat:
        return Proved("1 claim")
    if answer == z3.unknown:
        return Undecided(f"{claim.what}: z3 gave up: {solver.reason_unknown()}")
    return _checked(claim, known, solver.model())


def _checked(claim: Claim, known: list[Any], model: Any) -> Answer:
    letters = sorted(set().union(*map(variables, [claim.conclusion, *known])), key=str)
    values = {letter: model.eval(letter, model_completion=True) for letter in letters}
    shown = ", ".join(f"{letter} = {value}" for letter, value in values.items())
    numbers = {str(letter): fraction(value) for letter, value in values.items()}
    if not all(isinstance(number, Fraction) for number in numbers.values()):
        return Undecided(f"{claim.what}: z3's counterexample is irrational and was not put in: {shown}")
    point: dict[str, Fraction] = {name: number for name, number in numbers.items() if number is not None}
    holds = all(evaluate(assumption, point) for assumption in known)
    if not holds or evaluate(claim.conclusion, point):
        raise AssertionError(f"z3's counterexample is none: {claim.what} at {shown}")
    return Refuted(claim.what, f"at {shown}")


Claims = Callable[[], Iterable[Claim]]


def decide_all(claims: Claims) -> Answer:
    """Every claim, each with the laws of all activations that occurred up to it."""
    count = 0
    with activations() as applications:
        for claim in claims():
            answer = decide(claim, applications)
            if not isinstance(answer, Proved):
                return answer
            count += 1
    return Proved(f"{count} claim{'s' * (count != 1)}") if count else Undecided("nothing to prove")


def equal(what: str, left: Iterable[Any], right: Iterable[Any], *assumptions: Any) -> Iterator[Claim]:
    """Entry by entry."""
    for k, (a, b) in enumerate(zip(left, right, strict=True)):
        yield Claim(f"{what} [{k}]", a == b, assumptions)
