"""Expressions and their derivatives as polynomials: in their variables, and in each opaque function of each argument.

Polynomials are python-flint's, over the rationals. Every part of an expression is converted, and differentiated by the
chain rule, once, however often it occurs: an unrolled time loop is large as a tree and small as a graph.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import flint
from sympy import Add, Function, Integer, Mul, Pow, Rational, Symbol

from proofs.symbolic.opaque import TRUE_FUNCTIONS, Term, Variable


class NotPolynomial(Exception):  # noqa: N818 - an answer: another way has to be taken
    """There is a quotient or a root in it."""


class Polynomials:
    """The ring of everything that occurs in some expressions and in the derivatives of the first. Raises NotPolynomial
    for quotients and roots."""

    def __init__(self, differentiated: Term, others: Iterable[Term]) -> None:
        slopes = [slope for part in _parts([differentiated], inside=True) for slope in _slopes(part)]
        everything = [*_parts([differentiated], inside=True), *_parts([*slopes, *others], inside=False)]
        if not all(map(_fits, everything)):
            raise NotPolynomial("a quotient or a root")
        self.letters = list(dict.fromkeys(part for part in everything if isinstance(part, (Symbol, Function))))
        context = flint.fmpq_mpoly_ctx.get([f"g{k}" for k in range(max(len(self.letters), 1))], "degrevlex")
        self._known: dict[Term, Any] = dict(zip(self.letters, context.gens(), strict=False))
        self._number = context.constant

    @property
    def arbitrary(self) -> bool:
        """Whether there are functions in it of which not even the value is known."""
        return any(isinstance(part, Function) and type(part) not in TRUE_FUNCTIONS for part in self.letters)

    def values(self, point: Mapping[Variable, float]) -> list[float]:
        """What the letters are at a point, with the true functions."""
        known: dict[Term, float] = {}

        def value(part: Term) -> float:
            if part not in known:
                arguments = [point[part]] if isinstance(part, Symbol) else [value(each) for each in part.args]
                known[part] = _number(part, arguments)
            return known[part]

        return [value(letter) for letter in self.letters]

    @staticmethod
    def at(polynomial: Any, values: Sequence[float]) -> float:
        """The value of a polynomial, its letters being these."""
        total = 0.0
        for powers, coefficient in polynomial.terms():
            term = int(coefficient.p) / int(coefficient.q)
            for value, power in zip(values, powers, strict=False):
                term *= value ** int(power)
            total += term
        return total

    def words(self, polynomial: Any) -> str:
        """The first term, with the names of its letters, and how many more there are."""
        powers, coefficient = next(iter(polynomial.terms()))
        names = [part.func.__name__ + "(...)" if isinstance(part, Function) else str(part) for part in self.letters]
        factors = [name for name, power in zip(names, powers, strict=False) for _ in range(int(power))]
        more = len(polynomial) - 1
        return f"{coefficient} {' '.join(factors)}" + f" and {more} more terms" * bool(more)

    def polynomial(self, part: Term) -> Any:
        """The expression as a polynomial."""
        if part not in self._known:
            self._known[part] = self._convert(part)
        return self._known[part]

    def _convert(self, part: Term) -> Any:
        if isinstance(part, Rational):
            return self._number(flint.fmpq(int(part.p), int(part.q)))
        if isinstance(part, Add):
            return sum(map(self.polynomial, part.args), self._number(0))
        if isinstance(part, Mul):
            return _product(map(self.polynomial, part.args), self._number(1))
        return self.polynomial(part.base) ** int(part.exp)

    def derivative(self, part: Term, variable: Variable) -> Any:
        """The derivative by a variable, as a polynomial."""
        known: dict[Term, Any] = {}

        def by(each: Term) -> Any:
            if each not in known:
                known[each] = self._derive(each, variable, by)
            return known[each]

        return by(part)

    def _derive(self, part: Term, variable: Variable, by: Any) -> Any:
        nothing = self._number(0)
        if isinstance(part, Symbol):
            return self._number(int(part == variable))
        if isinstance(part, Rational):
            return nothing
        if isinstance(part, Add):
            return sum(map(by, part.args), nothing)
        if isinstance(part, Function):
            arguments = [(k + 1, by(argument)) for k, argument in enumerate(part.args)]
            return sum((self.polynomial(part.fdiff(k)) * d for k, d in arguments if d != 0), nothing)
        if isinstance(part, Pow):
            return self.polynomial(part.exp * part.base ** (part.exp - 1)) * by(part.base)
        factors = [self.polynomial(factor) for factor in part.args]
        slopes = [by(factor) for factor in part.args]
        return sum(
            (_product(factors[:k] + factors[k + 1 :], d) for k, d in enumerate(slopes) if d != 0),
            nothing,
        )


def _product(factors: Iterable[Any], start: Any) -> Any:
    for factor in factors:
        start = start * factor
    return start


def _number(part: Term, arguments: Sequence[float]) -> float:
    """One operation on floats."""
    if isinstance(part, (Add, Mul)):
        return sum(arguments) if isinstance(part, Add) else math.prod(arguments)
    if isinstance(part, Pow):
        return arguments[0] ** arguments[1]
    return TRUE_FUNCTIONS[type(part)](*arguments) if isinstance(part, Function) else float(*arguments or (part,))


def _fits(part: Term) -> bool:
    """Whether a part may stand in a polynomial."""
    if isinstance(part, Pow):
        return isinstance(part.exp, Integer) and bool(part.exp > 0)
    return isinstance(part, (Symbol, Function, Rational, Add, Mul))


def _slopes(part: Term) -> list[Term]:
    """The partial derivatives of a function."""
    return [part.fdiff(k + 1) for k in range(len(part.args))] if isinstance(part, Function) else []


def _parts(expressions: Iterable[Term], inside: bool) -> Iterator[Term]:
    """Every different part of the expressions; ``inside``: of the arguments of functions as well."""
    seen: set[Term] = set()
    waiting = list(expressions)
    while waiting:
        part = waiting.pop()
        if part not in seen:
            seen.add(part)
            yield part
            if inside or not isinstance(part, Function):
                waiting.extend(part.args)
