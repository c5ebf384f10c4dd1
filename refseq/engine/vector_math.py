"""exp, tanh and sigmoid of vectors, from +, *, / and FMA alone.

exp x = 2^n (1 + expm1 r) with n the integer nearest to x / log 2 and r = x - n log 2, |r| <= log(2)/2; log 2 is split
in two, so that r is exact to its last bits; expm1 r = r + r^2 q(r), q a polynomial that is best for (expm1 r - r)/r^2
on that interval. 2^n is applied as two factors, so that results below the normal range are rounded as they should be.

    tanh x    = sign(x) e/(e + 2), e = expm1(2|x|)
    sigmoid x = 1/(1 + z) for x >= 0 and z/(1 + z) else, z = exp(-|x|)

    largest errors seen, relative in units of roundoff u (2^-24, 2^-53) and in units in the last place (ulp), over the
    samples of ``tests/engine/test_vector_math.py``; with fused multiply-adds:

                 float32       float64
                 u     ulp     u     ulp
    exp          1.5   1.1     1.5   1.1     inf beyond the range, 0 below it
    sigmoid      3.4   2.9     3.5   2.8     exactly 1 beyond, 0 below
    tanh         3.0   2.5     3.4   2.7     exactly +-1 beyond; tanh(+-0) is +-0

NaN gives NaN.
"""

from collections.abc import Sequence
from typing import Any

from refseq.engine.vector import Vector, call, constant, integers, intrinsic

LOG2_E = 1.4426950408889634
MAGIC = {32: 1.5 * 2.0**23, 64: 1.5 * 2.0**52}
"""Adding it rounds to an integer, which is then in the low bits."""
LOG_2 = {32: (0.693359375, -2.1219444005469057e-04), 64: (6.93147180369123816490e-01, 1.9082149292705877e-10)}
"""log 2 in two parts, the first with so few bits that its product with n is exact."""
MANTISSA, BIAS = {32: 23, 64: 52}, {32: 127, 64: 1023}
POLYNOMIAL = {
    32: (
        0.5000000013457727,
        0.16666666681614256,
        0.04166646500604005,
        0.008333310934448869,
        0.0013933641031986701,
        0.00019890980869750327,
    ),
    64: (
        0.5,
        0.1666666666666667,
        0.04166666666666667,
        0.008333333333326141,
        0.0013888888888883752,
        0.00019841269874800493,
        2.4801587325533363e-05,
        2.7557255425746435e-06,
        2.7557273661348637e-07,
        2.510520637395701e-08,
        2.0914679376583935e-09,
    ),
}
"""Chebyshev interpolants of (expm1 r - r)/r^2 on |r| <= log(2)/2, lowest power first: within 2^-32, 2^-62 of expm1."""
RANGE = {32: (-104.0, 89.0), 64: (-746.0, 710.0)}
"""exp is 0 and inf, exactly, at these bounds."""
SATURATED = {32: 10.0, 64: 20.0}
"""tanh is 1, correctly rounded, from here on."""


class Emitter:
    """Writes the instructions for vectors of one kind."""

    def __init__(self, builder: Any, kind: Vector) -> None:
        self.builder, self.kind, self.bits = builder, kind, kind.element.bitwidth
        self.one = self.number(1.0)

    def number(self, value: float) -> Any:
        """A vector of equal entries."""
        return constant(self.kind, value)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a b + c, rounded once."""
        return call(self.builder, "fma", a, b, c)

    def choose(self, relation: str, x: Any, bound: Any, then: Any, other: Any) -> Any:
        """``then`` where ``x relation bound``, else ``other``; where x is NaN, ``other``."""
        return self.builder.select(self.builder.fcmp_ordered(relation, x, bound), then, other)

    def reduced(self, x: Any) -> tuple[Any, Any]:
        """(n, expm1 r), n as integers, for x within RANGE."""
        builder, magic = self.builder, self.number(MAGIC[self.bits])
        high, low = LOG_2[self.bits]
        shifted = self.fma(x, self.number(LOG2_E), magic)
        n = builder.fsub(shifted, magic)
        r = self.fma(n, self.number(-low), self.fma(n, self.number(-high), x))
        bits = integers(self.kind, 0).type
        integer = builder.sub(builder.bitcast(shifted, bits), builder.bitcast(magic, bits))
        return integer, self.fma(builder.fmul(self.polynomial(r), r), r, r)

    def polynomial(self, r: Any) -> Any:
        """q(r) in two chains, of even and of odd powers, which the CPU runs side by side."""
        coefficients: Sequence[float] = POLYNOMIAL[self.bits]
        square = self.builder.fmul(r, r)
        even, odd = (self.horner(coefficients[k::2], square) for k in (0, 1))
        return self.fma(odd, r, even)

    def horner(self, coefficients: Sequence[float], x: Any) -> Any:
        """The polynomial with these coefficients, lowest power first."""
        total = self.number(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            total = self.fma(total, x, self.number(coefficient))
        return total

    def power_of_2(self, n: Any) -> Any:
        """2^n for integers n in the normal range."""
        biased = self.builder.add(n, integers(self.kind, BIAS[self.bits]))
        shifted = self.builder.shl(biased, integers(self.kind, MANTISSA[self.bits]))
        return self.builder.bitcast(shifted, self.one.type)

    def exp(self, x: Any) -> Any:
        """See the module's text, as for the next two."""
        low, high = (self.number(bound) for bound in RANGE[self.bits])
        x = self.choose(">", x, high, high, self.choose("<", x, low, low, x))
        n, fraction = self.reduced(x)
        half = self.builder.ashr(n, integers(self.kind, 1))
        first, second = self.power_of_2(half), self.power_of_2(self.builder.sub(n, half))
        return self.builder.fmul(self.fma(first, fraction, first), second)

    def magnitude(self, x: Any) -> Any:
        """|x|."""
        return call(self.builder, "fabs", x)

    def sigmoid(self, x: Any) -> Any:
        """1/(1 + e^-x)."""
        z = self.exp(self.builder.fneg(self.magnitude(x)))
        upper = self.builder.fdiv(self.one, self.builder.fadd(self.one, z))
        return self.choose(">=", x, self.number(0.0), upper, self.builder.fmul(z, upper))

    def tanh(self, x: Any) -> Any:
        """tanh x."""
        bound = self.number(SATURATED[self.bits])
        y = self.magnitude(x)
        y = self.choose(">", y, bound, bound, y)
        n, fraction = self.reduced(self.builder.fadd(y, y))
        scale = self.power_of_2(n)
        e = self.fma(scale, fraction, self.builder.fsub(scale, self.one))
        return call(self.builder, "copysign", self.builder.fdiv(e, self.builder.fadd(e, self.number(2.0))), x)

    def relu(self, x: Any) -> Any:
        """x where x > 0 or NaN, else 0."""
        zero = self.number(0.0)
        return self.choose("<=", x, zero, zero, x)

    def relu_slope(self, y: Any) -> Any:
        """1 where y > 0 or NaN, else 0."""
        zero = self.number(0.0)
        return self.choose("<=", y, zero, zero, self.one)

    def sqrt(self, x: Any) -> Any:
        """The square root, correctly rounded."""
        return call(self.builder, "sqrt", x)

    def clip(self, x: Any, bound: Any) -> Any:
        """x within [-bound, bound]."""
        low = self.builder.fneg(bound)
        return self.choose(">=", x, bound, bound, self.choose("<=", x, low, low, x))

    def clip_slope(self, y: Any, bound: Any) -> Any:
        """1 inside the bounds, 0 on them."""
        zero = self.number(0.0)
        return self.choose(">=", y, bound, zero, self.choose("<=", y, self.builder.fneg(bound), zero, self.one))


def _intrinsic(name: str) -> Any:
    """The numba function on vectors that writes these instructions."""

    @intrinsic
    def function(typing: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(Emitter(builder, signature.return_type), name)(*arguments)

        return (x(x), generate) if isinstance(x, Vector) else None

    return function


def _intrinsic_of_two(name: str) -> Any:
    @intrinsic
    def function(typing: Any, x: Any, second: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(Emitter(builder, signature.return_type), name)(*arguments)

        return (x(x, x), generate) if isinstance(x, Vector) and second == x else None

    return function


exp, sigmoid, tanh = _intrinsic("exp"), _intrinsic("sigmoid"), _intrinsic("tanh")
relu, relu_slope, sqrt = _intrinsic("relu"), _intrinsic("relu_slope"), _intrinsic("sqrt")
clip, clip_slope = _intrinsic_of_two("clip"), _intrinsic_of_two("clip_slope")
