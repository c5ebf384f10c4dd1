"""sympy expressions in which activations are opaque: nothing is known of them but how they differentiate.

    s = sigmoid(x)   ds/dx = s (1 - s)        r = relu(x)      dr/dx = [x > 0],  [r > 0] = [x > 0]
    t = tanh(x)      dt/dx = 1 - t^2          k = clip(x, b)   dk/dx = [|x| < b], [|k| < b] = [|x| < b]

What follows from these laws alone is a polynomial identity, decided by expanding it. The laws of relu and clip hold
everywhere but on their kinks; ``proofs.symbolic.slopes`` proves those of tanh and sigmoid for the true functions.
"""

import math
from typing import Any

import sympy
from sympy import Function

from refseq.primitives import register_field

Term = Any
"""A sympy expression. Its parts are expressions too, where sympy's types know them as ``Basic`` only."""

Variable = Any
"""A sympy symbol."""


class Sigmoid(Function):
    """sigmoid."""

    def fdiff(self, argindex: int = 1) -> Term:
        """s (1 - s)."""
        return self * (1 - self)


class Tanh(Function):
    """tanh."""

    def fdiff(self, argindex: int = 1) -> Term:
        """1 - t^2."""
        return 1 - self**2


class Step(Function):
    """[x > 0]."""

    @classmethod
    def eval(cls, x: Term) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """relu(x) > 0 where x > 0."""
        return cls(x.args[0]) if isinstance(x, Relu) else None

    def fdiff(self, argindex: int = 1) -> Term:
        """0, off the kink."""
        return sympy.Integer(0)


class Relu(Function):
    """max(0, x)."""

    def fdiff(self, argindex: int = 1) -> Term:
        """[x > 0]."""
        return Step(self.args[0])


class Inside(Function):
    """[|x| < b]."""

    @classmethod
    def eval(cls, x: Term, b: Term) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """clip(x, b) is inside where x is."""
        return cls(x.args[0], b) if isinstance(x, Clip) and x.args[1] == b else None


class ByBound(Function):
    """The derivative of clip by its bound."""


class Clip(Function):
    """x within [-b, b]."""

    def fdiff(self, argindex: int = 1) -> Term:
        """[|x| < b], and by the bound, a constant of every cell, something of which nothing is known."""
        return Inside(*self.args) if argindex == 1 else ByBound(*self.args)


TRUE_FUNCTIONS = {
    Sigmoid: lambda x: 1 / (1 + math.exp(-x)),
    Tanh: math.tanh,
    Relu: lambda x: max(0.0, x),
    Step: lambda x: float(x > 0),
    Clip: lambda x, b: min(b, max(-b, x)),
    Inside: lambda x, b: float(abs(x) < b),
    ByBound: lambda x, b: math.copysign(abs(x) > b, x),
    sympy.exp: math.exp,
    sympy.log: math.log,
}
"""What the functions stand for, to look at a counterexample in numbers."""


class Opaque:
    """A sympy expression over opaque activations; mixes with integers. (A type of its own: ``refseq.fields.symbol``
    has the plain expressions, over the true functions.)"""

    __slots__ = ("expression",)

    def __init__(self, expression: Any) -> None:
        self.expression: Term = sympy.sympify(expression)

    def __add__(self, other: Any) -> "Opaque":
        return Opaque(self.expression + expression(other))

    __radd__ = __add__

    def __neg__(self) -> "Opaque":
        return Opaque(-self.expression)

    def __sub__(self, other: Any) -> "Opaque":
        return Opaque(self.expression - expression(other))

    def __rsub__(self, other: Any) -> "Opaque":
        return Opaque(expression(other) - self.expression)

    def __mul__(self, other: Any) -> "Opaque":
        return Opaque(self.expression * expression(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Opaque":
        return Opaque(self.expression / expression(other))

    def __rtruediv__(self, other: Any) -> "Opaque":
        return Opaque(expression(other) / self.expression)

    def __repr__(self) -> str:
        return f"Opaque({self.expression})"


def expression(value: Any) -> Term:
    """The sympy expression of an Opaque or an integer; a float has no meaning here and raises TypeError."""
    if isinstance(value, Opaque):
        return value.expression
    if isinstance(value, int):
        return sympy.Integer(value)
    raise TypeError(f"an opaque expression cannot be combined with {type(value).__name__} {value!r}")


def symbol(name: str, positive: bool | None = None) -> Opaque:
    """A real variable."""
    return Opaque(sympy.Symbol(name, real=True, positive=positive))


def opaque(function: Any) -> Any:
    """The function on Opaque numbers."""
    return lambda *arguments: Opaque(function(*(expression(argument) for argument in arguments)))


register_field(
    Opaque,
    {
        "tanh": opaque(Tanh),
        "sigmoid": opaque(Sigmoid),
        "relu": opaque(Relu),
        "exp": opaque(sympy.exp),
        "log": opaque(sympy.log),
        "sqrt": opaque(sympy.sqrt),
    },
    step=opaque(Step),
    clipped=opaque(Clip),
    inside=opaque(Inside),
    number=lambda x, value: Opaque(sympy.Rational(value)),
)
