"""The numbers on which a user's source runs: elements of GF(2^61 - 1), each with a tangent.

A float counts as the binary number it is, exactly. What a proof cannot follow raises ``CannotRead``: float(), an order
of two numbers, functions without a law. Comparison with 0 is answered by a free sign (``proofs.foreign.symbols``); two
numbers are equal if they are the same rational function.
"""

from typing import Any

import numpy as np

from proofs.foreign import symbols
from refseq.fields.residue import MODULUS


class CannotRead(TypeError):  # noqa: N818 - it is an answer, not an error
    """What the source does with a number has no meaning over a finite field."""


def element(value: float | np.number | np.bool_) -> int:
    """The integer or float in GF(p). Raises CannotRead for inf and nan."""
    if isinstance(value, (int, np.integer, np.bool_)):
        return int(value)
    try:
        numerator, denominator = value.as_integer_ratio()  # pyright: ignore[reportAttributeAccessIssue]
    except (OverflowError, ValueError) as error:
        raise CannotRead(f"the constant {value} is no element of a field") from error
    return numerator if denominator == 1 else numerator * pow(denominator, -1, MODULUS)


class Number:
    """value + tangent * epsilon, epsilon^2 = 0. Mixes with integers and floats."""

    __slots__ = ("tangent", "value")
    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __init__(self, value: int, tangent: int = 0) -> None:
        self.value, self.tangent = value % MODULUS, tangent % MODULUS

    def __repr__(self) -> str:
        return f"Number({self.value}, {self.tangent})"

    def __add__(self, other: Any) -> "Number":
        b = _operand(other)
        return NotImplemented if b is None else Number(self.value + b.value, self.tangent + b.tangent)

    def __sub__(self, other: Any) -> "Number":
        b = _operand(other)
        return NotImplemented if b is None else Number(self.value - b.value, self.tangent - b.tangent)

    def __mul__(self, other: Any) -> "Number":
        b = _operand(other)
        if b is None:
            return NotImplemented
        return Number(self.value * b.value, self.tangent * b.value + self.value * b.tangent)

    def __truediv__(self, other: Any) -> "Number":
        b = _operand(other)
        return NotImplemented if b is None else self * b.inverse()

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> "Number":
        return -self + other

    def __rtruediv__(self, other: Any) -> "Number":
        return self.inverse() * other

    def __neg__(self) -> "Number":
        return Number(-self.value, -self.tangent)

    def __pos__(self) -> "Number":
        return self

    def inverse(self) -> "Number":
        """1/x."""
        if self.value == 0:
            raise CannotRead("division by 0")
        y = pow(self.value, -1, MODULUS)
        return Number(y, -self.tangent * y * y)

    def __pow__(self, exponent: Any) -> "Number":
        twice = exponent * 2 if isinstance(exponent, (int, float, np.number)) else 0.1
        if twice != int(twice):
            raise CannotRead(f"the power {exponent!r}")
        root = self.sqrt() if twice % 2 else Number(1)
        whole = int(twice // 2)
        base, result = (self if whole >= 0 else self.inverse()), root
        for _ in range(abs(whole)):
            result = result * base
        return result

    def _sign(self, other: Any) -> int:
        b = _operand(other)
        if b is None or b.value:
            raise CannotRead("comparison of a number with one that is not 0")
        return symbols.sign(self.value)

    def __lt__(self, other: Any) -> bool:
        return self._sign(other) < 0

    def __le__(self, other: Any) -> bool:
        return self._sign(other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self._sign(other) > 0

    def __ge__(self, other: Any) -> bool:
        return self._sign(other) >= 0

    def __eq__(self, other: object) -> bool:
        b = _operand(other)
        return NotImplemented if b is None else self.value == b.value

    def __bool__(self) -> bool:
        raise CannotRead("a number as a condition")

    def __float__(self) -> float:
        raise CannotRead("a number as a float: float(), an array of floats made elsewhere, or compiled code")

    def __abs__(self) -> "Number":
        return self * symbols.sign(self.value)

    def conjugate(self) -> "Number":
        """x: the numbers stand for real ones."""
        return self

    def _mapped(self, y: int, slope: int) -> "Number":
        return Number(y, slope * self.tangent)

    def exp(self) -> "Number":
        """exp' = exp."""
        y = symbols.exp(self.value)
        return self._mapped(y, y)

    def expm1(self) -> "Number":
        """exp(x) - 1."""
        return self.exp() - 1

    def log(self) -> "Number":
        """log' x = 1/x."""
        return self._mapped(symbols.log(self.value), self.inverse().value)

    def log1p(self) -> "Number":
        """log(1 + x)."""
        return (self + 1).log()

    def sqrt(self) -> "Number":
        """sqrt' x = 1/(2 sqrt x)."""
        y = symbols.sqrt(self.value)
        return self._mapped(y, Number(2 * y).inverse().value)

    def sigmoid(self) -> "Number":
        """1/(1 + exp(-x))."""
        return 1 / (1 + (-self).exp())

    def tanh(self) -> "Number":
        """(exp x - exp(-x))/(exp x + exp(-x))."""
        square = self.exp() * self.exp()
        return (square - 1) / (square + 1)

    def sinh(self) -> "Number":
        """(exp x - exp(-x))/2."""
        y = self.exp()
        return (y - y.inverse()) / 2

    def cosh(self) -> "Number":
        """(exp x + exp(-x))/2."""
        y = self.exp()
        return (y + y.inverse()) / 2


def _operand(other: Any) -> Number | None:
    if isinstance(other, Number):
        return other
    if isinstance(other, (int, float, np.integer, np.floating, np.bool_)):
        return Number(element(other))
    if other is None:
        raise CannotRead("an entry of an array from np.empty that was never written")
    return None


def number(entry: Any) -> Any:
    """An entry of an array as a Number; None, what ``np.empty`` is filled with, stays. Raises CannotRead."""
    if entry is None:
        return None
    found = _operand(entry)
    if found is None:
        raise CannotRead(f"an entry {entry!r} of type {type(entry).__name__}")
    return found
