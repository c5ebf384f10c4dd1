"""GF(p), p = 2^61 - 1, with formal activations: identities between polynomials, without any tolerance.

tanh(x), sigmoid(x), exp(x), log(x), sqrt(x) become free symbols: a random-looking but fixed element for each x. All
that is known of them is how they differentiate, (tanh x)' = 1 - (tanh x)^2 and so on, and exp(-x) = 1/exp(x),
exp(log x) = x.
A gradient that BPTT gets right for the true functions by means of these laws alone is right here too; a wrong term is a
polynomial that is not zero, and survives a random draw with probability (its degree)/2^61 at most (Schwartz, Zippel).
relu becomes a free mask bit times x; at 0 the bit is 0. clip becomes x or one of its bounds.

What this cannot see: relations between different activations (tanh x = 2 sigmoid(2x) - 1), comparisons, rounding.
"""

import hashlib
from typing import Any

from refseq.fields.differential import register_derivatives
from refseq.primitives import register_field

MODULUS = (1 << 61) - 1


class Residue:
    """An element of GF(2^61 - 1). Mixes with Python integers; a float has no meaning here and raises TypeError."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value % MODULUS

    @staticmethod
    def _integer(other: Any) -> int:
        if isinstance(other, Residue):
            return other.value
        if isinstance(other, int):
            return other
        raise TypeError(f"a residue modulo 2^61 - 1 cannot be combined with {type(other).__name__} {other!r}")

    def __add__(self, other: Any) -> "Residue":
        return Residue(self.value + self._integer(other))

    __radd__ = __add__

    def __neg__(self) -> "Residue":
        return Residue(-self.value)

    def __sub__(self, other: Any) -> "Residue":
        return Residue(self.value - self._integer(other))

    def __rsub__(self, other: Any) -> "Residue":
        return Residue(self._integer(other) - self.value)

    def __mul__(self, other: Any) -> "Residue":
        return Residue(self.value * self._integer(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Residue":
        return Residue(self.value * pow(self._integer(other), -1, MODULUS))

    def __rtruediv__(self, other: Any) -> "Residue":
        return Residue(self._integer(other) * pow(self.value, -1, MODULUS))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Residue, int)):
            return self.value == self._integer(other) % MODULUS
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"Residue({self.value})"


def _symbol(name: str, x: int) -> int:
    digest = hashlib.blake2b(f"{name} {x}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % MODULUS


_LOGARITHMS: dict[int, int] = {}
"""log's symbol -> its argument, so that exp undoes log."""


def _exp(x: Residue) -> Residue:
    if x.value == 0:
        return Residue(1)
    negative = (-x).value
    for value, power in ((x.value, 1), (negative, -1)):
        if value in _LOGARITHMS:
            return Residue(pow(_LOGARITHMS[value], power, MODULUS))
    if x.value <= negative:
        return Residue(_symbol("exp", x.value))
    return Residue(pow(_symbol("exp", negative), -1, MODULUS))


def _log(x: Residue) -> Residue:
    y = _symbol("log", x.value)
    _LOGARITHMS[y] = x.value
    return Residue(y)


def _mask(x: Residue) -> int:
    return _symbol("relu", x.value) & 1 if x.value else 0


def _clip(x: Residue, bound: Residue) -> Residue:
    """One of x, the bound and minus the bound, by a free three-valued symbol."""
    return (x, bound, -bound)[_symbol(f"clip {bound.value}", x.value) % 3]


def _inside(x: Residue, bound: Residue) -> Residue:
    return Residue(_clip(x, bound) == x)


def _number(x: Residue, value: float) -> Residue:
    numerator, denominator = float(value).as_integer_ratio()
    return Residue(numerator) / denominator


register_field(
    Residue,
    {
        "tanh": lambda x: Residue(_symbol("tanh", x.value)),
        "sigmoid": lambda x: Residue(_symbol("sigmoid", x.value)),
        "relu": lambda x: x * _mask(x),
        "exp": _exp,
        "log": _log,
        "sqrt": lambda x: Residue(_symbol("sqrt", x.value)),
    },
    step=lambda y: Residue(1 if y.value else 0),
    clipped=_clip,
    inside=lambda y, bound: Residue(0 if y in (bound, -bound) else 1),
    number=_number,
)
register_derivatives(
    Residue,
    {
        "tanh": lambda x, y: 1 - y * y,
        "sigmoid": lambda x, y: y - y * y,
        "relu": lambda x, y: Residue(_mask(x)),
        "exp": lambda x, y: y,
        "log": lambda x, y: 1 / x,
        "sqrt": lambda x, y: 1 / (2 * y),
        "clip": _inside,
    },
)
