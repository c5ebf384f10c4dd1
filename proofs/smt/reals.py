"""z3's real numbers as a number field: refseq's own functions then say what they compute as a formula for z3.

An activation of x is a new variable of which only laws are known: sigmoid lies in [0, 1] and tanh in [-1, 1], both ends
included, which a saturated gate reaches in floats; equal arguments have equal values; sigmoid(-x) = 1 - sigmoid(x), and
tanh(-x) = -tanh(x). relu and clip are exact. A derivative is the usual polynomial in the value.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import z3

from refseq.fields.differential import register_derivatives
from refseq.primitives import register_field

RANGES = {"sigmoid": (0, 1), "tanh": (-1, 1)}
MIRRORED = {"sigmoid": 1, "tanh": 0}
"""f(x) + f(-x)."""


@dataclass
class Applications:
    """The activations that occurred: name -> [(argument, value)]."""

    found: dict[str, list[tuple[Any, Any]]] = field(default_factory=dict)

    def value(self, name: str, x: Any) -> Any:
        """The variable that stands for name(x)."""
        argument = z3.simplify(x)
        pairs = self.found.setdefault(name, [])
        for before, y in pairs:
            if before.eq(argument):
                return y
        y = z3.Real(f"{name}#{len(pairs) + 1}")
        pairs.append((argument, y))
        return y

    def laws(self) -> list[Any]:
        """What is known of all of them."""
        known: list[Any] = []
        for name, pairs in self.found.items():
            if name in RANGES:
                low, high = RANGES[name]
                known += [z3.And(low <= y, y <= high) for _, y in pairs]
            for (x1, y1), (x2, y2) in combinations(pairs, 2):
                known.append(z3.Implies(x1 == x2, y1 == y2))
                if name in MIRRORED:
                    known.append(z3.Implies(x1 == -x2, y1 + y2 == MIRRORED[name]))
        return known


_CURRENT: list[Applications] = []


@contextmanager
def activations() -> Iterator[Applications]:
    """Inside the block activations are recorded here."""
    _CURRENT.append(Applications())
    try:
        yield _CURRENT[-1]
    finally:
        _CURRENT.pop()


def _opaque(name: str) -> Any:
    return lambda x: _CURRENT[-1].value(name, x)


register_field(
    z3.ArithRef,
    {
        "relu": lambda x: z3.If(x > 0, x, z3.RealVal(0)),
        **{name: _opaque(name) for name in ("tanh", "sigmoid", "exp", "log", "sqrt")},
    },
    step=lambda y: z3.If(y > 0, z3.RealVal(1), z3.RealVal(0)),
    clipped=lambda x, bound: z3.If(x >= bound, bound, z3.If(x <= -bound, -bound, x)),
    inside=lambda y, bound: z3.If(z3.And(-bound < y, y < bound), z3.RealVal(1), z3.RealVal(0)),
    number=lambda x, value: z3.RealVal(value),
)
register_derivatives(
    z3.ArithRef,
    {
        "tanh": lambda x, y: 1 - y * y,
        "sigmoid": lambda x, y: y - y * y,
        "relu": lambda x, y: z3.If(x > 0, z3.RealVal(1), z3.RealVal(0)),
        "exp": lambda x, y: y,
        "log": lambda x, y: 1 / x,
        "sqrt": lambda x, y: 1 / (2 * y),
        "clip": lambda x, bound: z3.If(z3.And(-bound < x, x < bound), z3.RealVal(1), z3.RealVal(0)),
    },
)


def absolute(x: Any) -> Any:
    """|x|."""
    return z3.If(x >= 0, x, -x)


def largest(x: Any, y: Any) -> Any:
    """max(x, y)."""
    return z3.If(x >= y, x, y)
