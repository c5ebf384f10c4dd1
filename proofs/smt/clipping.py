"""Gradient clipping, for three entries and any threshold: the formulas of ``refseq.clipping``.

That module scales by powers of two, so that nothing overflows; what it computes up to rounding is written here once
more, and ``tests/proofs`` holds the two together.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import z3

from proofs.smt.claim import Claim

g: Any = z3.Reals("g_0 g_1 g_2")
norm: Any = z3.Real("norm")
threshold: Any = z3.Real("threshold")
EPSILON = z3.RealVal("1/1000000")


def squares(entries: Any) -> Any:
    """The sum of squares."""
    return z3.Sum([entry * entry for entry in entries])


def factor(n: Any, limit: Any, epsilon: Any = None) -> Any:
    """min(1, threshold / norm); torch adds epsilon to the norm."""
    below = n if epsilon is None else n + epsilon
    return z3.If(below > limit, limit / below, z3.RealVal(1))


def by_norm(planted: bool = False) -> Iterator[Claim]:
    """The clipped norm is at most the threshold, the direction is kept, and what is within stays. Planted: the norm
    forgets an entry."""
    is_norm = (norm >= 0, norm * norm == squares(g[:2] if planted else g), threshold > 0)
    k = factor(norm, threshold)
    yield Claim("the factor is in (0, 1]", z3.And(k > 0, k <= 1), is_norm)
    result = [k * entry for entry in g]
    for a, b in combinations(range(3), 2):
        yield Claim(f"entries {a}, {b} keep their ratio", result[a] * g[b] == result[b] * g[a])
    # the clipped norm is k norm: first that, then the bound, which is about two numbers
    yield Claim("the norm scales", squares(result) == k * k * norm * norm, is_norm)
    yield Claim("the norm is at most the threshold", k * norm <= threshold, (norm >= 0, threshold > 0))
    yield Claim("within stays", k == 1, (norm >= 0, norm <= threshold))


def exact(planted: bool = False) -> Iterator[Claim]:
    """The clipped norm is min(norm, threshold), and clipping again changes nothing. Planted: with torch's 1e-6 added to
    the norm, where the norm becomes less than the threshold."""
    k = factor(norm, threshold, EPSILON if planted else None)
    positive = (norm > 0, threshold > 0)
    yield Claim("norm = min(norm, threshold)", k * norm == z3.If(norm <= threshold, norm, threshold), positive)
    yield Claim("again: the same", factor(k * norm, threshold) == 1, positive)


def with_epsilon(planted: bool = False) -> Iterator[Claim]:
    """Torch's form still bounds the norm by the threshold, for any epsilon >= 0. Planted: for negative ones too."""
    epsilon: Any = z3.Real("epsilon")
    k = factor(norm, threshold, epsilon)
    fits = (norm > 0, threshold > 0, *(() if planted else (epsilon >= 0,)))
    yield Claim("the norm is at most the threshold", k * norm <= threshold, fits)


def by_value(planted: bool = False) -> Iterator[Claim]:
    """Every entry is bounded, keeps its sign, and the order of entries stays. Planted: the direction is kept."""

    def clipped(x: Any) -> Any:
        return z3.If(x > threshold, threshold, z3.If(x < -threshold, -threshold, x))

    x, y = g[:2]
    positive = (threshold > 0,)
    yield Claim("bounded", z3.And(-threshold <= clipped(x), clipped(x) <= threshold), positive)
    yield Claim("the sign is kept", x * clipped(x) >= 0, positive)
    yield Claim("the order is kept", clipped(x) <= clipped(y), (*positive, x <= y))
    if planted:
        yield Claim("the direction is kept", clipped(x) * y == clipped(y) * x, positive)
