"""What floating-point arithmetic may make of a value: the exact value, and a bound of the error of computing it.

    |computed - exact| <= gamma_k m + e,    gamma_k = k u / (1 - k u)

k counts roundings on the longest way, m is the same expression with absolute values, e what errors inside activations
add. The bound does not depend on the order of sums, nor on whether multiplications and additions are fused:
N. J. Higham, Accuracy and stability of numerical algorithms, 2nd ed., SIAM 2002, section 3.1. Activations are taken to
be accurate to ``ACTIVATION`` unit roundoffs, of their own value.

m and e are floats: sums and products of positive numbers, each a relative 2^-53 from the true one; ``Computed.bound``
adds a relative 2^-30, more than 2^22 such operations in a row can lose.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

import refseq.fields.ball  # noqa: F401 - registers the balls that values are
from refseq.fields.differential import Dual
from refseq.primitives import TRANSCENDENTAL, clip, order, register_field, relu

ACTIVATION = 8
"""Unit roundoffs: four units in the last place. Good libraries have two."""

SINGLE = 2.0**-24
"""u of float32, which can hold a cell's constants only rounded: so rounded they count."""

TINY = {SINGLE: 2.0**-149}
"""u -> what underflow may lose, where it is not that of float64."""

LOST = 1 + 2.0**-30


class Computed:
    """A number of the precision ``u`` (the unit roundoff). Mixes with integers, which are exact."""

    __slots__ = ("depth", "error", "magnitude", "u", "value")

    def __init__(self, value: arb, magnitude: float, depth: int, error: float, u: float) -> None:
        self.value, self.magnitude, self.depth, self.error, self.u = value, magnitude, depth, error, u

    @classmethod
    def exact(cls, number: float, u: float) -> "Computed":
        """A number that is given."""
        return cls(arb(number), abs(float(number)), 0, 0.0, u)

    @property
    def gamma(self) -> float:
        """gamma_k."""
        return self.depth * self.u / (1 - self.depth * self.u)

    @property
    def bound(self) -> float:
        """How far a computed value may be from the exact one."""
        return (self.gamma * self.magnitude + self.error) * LOST

    def _other(self, other: Any) -> "Computed":
        if isinstance(other, Computed):
            return other
        if isinstance(other, int):
            return Computed.exact(other, self.u)
        raise TypeError(f"a computed number cannot be combined with {type(other).__name__} {other!r}")

    def __add__(self, other: Any) -> "Computed":
        other = self._other(other)
        depth, error = max(self.depth, other.depth) + 1, (self.error + other.error) * (1 + self.u)
        return Computed(self.value + other.value, self.magnitude + other.magnitude, depth, error, self.u)

    __radd__ = __add__

    def __neg__(self) -> "Computed":
        return Computed(-self.value, self.magnitude, self.depth, self.error, self.u)

    def __sub__(self, other: Any) -> "Computed":
        return self + (-self._other(other))

    def __rsub__(self, other: Any) -> "Computed":
        return self._other(other) + (-self)

    def __mul__(self, other: Any) -> "Computed":
        other = self._other(other)
        error = self.error * other.magnitude * (1 + other.gamma) + other.error * self.magnitude * (1 + self.gamma)
        error = (error + self.error * other.error) * (1 + self.u) + _tiny(self.u)
        depth = self.depth + other.depth + 1
        return Computed(self.value * other.value, self.magnitude * other.magnitude, depth, error, self.u)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Computed":
        other = self._other(other)
        value, least = self.value / other.value, float(abs(other.value).lower()) - other.bound
        if not least > 0:
            return _computed(value, float("inf"), self.u, 1)
        return _computed(value, (self.bound + _size(value) * other.bound) / least, self.u, 1)

    def __rtruediv__(self, other: Any) -> "Computed":
        return self._other(other) / self


def _tiny(u: float) -> float:
    return TINY.get(u, 2.0**-1074)


def _size(value: arb) -> float:
    return float(abs(value).upper())


def _computed(value: arb, moved: float, u: float, roundoffs: int) -> Computed:
    """A value that is known but for ``moved``, rounded."""
    size = _size(value)
    return Computed(value, size, 0, moved + roundoffs * u * (size + moved) + _tiny(u), u)


def _activation(name: str) -> Callable[[Computed], Computed]:
    function = TRANSCENDENTAL[name]

    def rule(x: Computed) -> Computed:
        around = function(Dual(x.value + arb(0, x.bound), arb(1)))
        steepest = _size(around.tangent)
        return _computed(function(x.value), steepest * x.bound, x.u, ACTIVATION)

    return rule


def _same(x: Computed, value: arb) -> Computed:
    """What moves by no more than x does, without a rounding."""
    return Computed(value, x.magnitude, x.depth, x.error, x.u)


def _no_slope(y: Computed, bound: Any = None) -> Computed:
    raise TypeError("computed numbers are for forward passes")


register_field(
    Computed,
    {name: _activation(name) for name in ("tanh", "sigmoid", "exp", "log", "sqrt")}
    | {"relu": lambda x: _same(x, relu(x.value)), "order": lambda x: order(x.value)},
    step=_no_slope,
    clipped=lambda x, bound: _same(x, clip(x.value, bound.value)),
    inside=_no_slope,
    number=lambda x, value: Computed.exact(float(np.float32(value)) if x.u == SINGLE else value, x.u),
)
