"""A formula's value at a point, by Python's fractions: what checks a counterexample does not trust z3."""

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any

import z3

OPERATIONS: dict[int, Callable[..., Any]] = {
    z3.Z3_OP_ADD: lambda *x: reduce(operator.add, x),
    z3.Z3_OP_MUL: lambda *x: reduce(operator.mul, x),
    z3.Z3_OP_SUB: lambda *x: reduce(operator.sub, x),
    z3.Z3_OP_UMINUS: operator.neg,
    z3.Z3_OP_DIV: operator.truediv,
    z3.Z3_OP_LE: operator.le,
    z3.Z3_OP_LT: operator.lt,
    z3.Z3_OP_GE: operator.ge,
    z3.Z3_OP_GT: operator.gt,
    z3.Z3_OP_EQ: operator.eq,
    z3.Z3_OP_DISTINCT: lambda *x: len(set(x)) == len(x),
    z3.Z3_OP_NOT: operator.not_,
    z3.Z3_OP_AND: lambda *x: all(x),
    z3.Z3_OP_OR: lambda *x: any(x),
    z3.Z3_OP_IMPLIES: lambda x, y: (not x) or y,
    z3.Z3_OP_TRUE: lambda: True,
    z3.Z3_OP_FALSE: lambda: False,
}


def fraction(number: Any) -> Fraction | None:
    """A number of z3's; None for an irrational one."""
    return Fraction(number.numerator_as_long(), number.denominator_as_long()) if z3.is_rational_value(number) else None


def evaluate(formula: Any, point: Mapping[str, Fraction]) -> Any:
    """The value of a formula, its variables being these. Raises KeyError for what it does not know."""
    if z3.is_rational_value(formula):
        return fraction(formula)
    kind = formula.decl().kind()
    if kind == z3.Z3_OP_UNINTERPRETED:
        return point[formula.decl().name()]
    if kind == z3.Z3_OP_ITE:
        condition, then, otherwise = formula.children()
        return evaluate(then if evaluate(condition, point) else otherwise, point)
    if kind in (z3.Z3_OP_IMPLIES, z3.Z3_OP_AND):  # what stands behind a condition may have no value without it
        *conditions, last = formula.children()
        if not all(evaluate(condition, point) for condition in conditions):
            return kind == z3.Z3_OP_IMPLIES
        return evaluate(last, point)
    return OPERATIONS[kind](*(evaluate(part, point) for part in formula.children()))


def variables(formula: Any) -> set[Any]:
    """The variables of a formula."""
    found, seen, waiting = set(), set(), [formula]
    while waiting:
        part = waiting.pop()
        if part.get_id() not in seen:
            seen.add(part.get_id())
            waiting.extend(part.children())
            if z3.is_const(part) and part.decl().kind() == z3.Z3_OP_UNINTERPRETED:
                found.add(part)
    return found
