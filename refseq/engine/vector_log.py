"""log(1 + x) and log x of vectors.

With u = 1 + x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), and what u has lost, c = (1 + x - u)/u:

    log(1 + x) = k log 2 + (f - (f^2/2 - s (f^2/2 + R))) + c        s = f/(2 + f), R = log((1 + s)/(1 - s)) - 2 s

R / s is a polynomial in s^2, that of fdlibm's e_log.c (Sun Microsystems 1993) in double precision and that of FreeBSD's
e_logf.c in single. Near 0 (k = 0) f is x itself. 1 ulp at most over the samples of ``tests/engine/test_vector_log.py``;
-inf at -1, NaN below. log x is the same with u = x and c = 0; numbers below
the normal range are scaled into it before.
"""

from typing import Any

from refseq.engine.vector import Vector, integers, intrinsic
from refseq.engine.vector_math import LOG_2, MANTISSA, Emitter

POLYNOMIAL = {
    32: (0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841),
    64: (
        6.666666666666735130e-01,
        3.999999999940941908e-01,
        2.857142874366239149e-01,
        2.222219843214978396e-01,
        1.818357216161805012e-01,
        1.531383769920937332e-01,
        1.479819860511658591e-01,
    ),
}
SQRT_HALF = {32: 0x3F3504F3, 64: 0x3FE6A09E667F3BCD}
"""The bits of sqrt(1/2)."""
ONE = {32: 0x3F800000, 64: 0x3FF0000000000000}
NEAR = (-0.2928, 0.4142)
"""Where 1 + x is within [sqrt(1/2), sqrt(2)]."""
NORMAL = {32: 2.0**-126, 64: 2.0**-1022}
"""The smallest normal number."""
SHIFT = 60
"""By this power of 2 smaller ones are scaled."""


def _emit(emitter: Emitter, x: Any) -> Any:
    builder = emitter.builder
    u = builder.fadd(emitter.one, x)
    lost = emitter.choose(
        ">",
        x,
        emitter.one,
        builder.fsub(emitter.one, builder.fsub(u, x)),
        builder.fsub(x, builder.fsub(u, emitter.one)),
    )
    c = builder.fdiv(lost, u)
    f, k = _reduced(emitter, u)
    near, zero = [emitter.number(bound) for bound in NEAR], emitter.number(0.0)

    def close(then: Any, other: Any) -> Any:
        return emitter.choose(">", x, near[0], emitter.choose("<", x, near[1], then, other), other)

    f, k, c = close(x, f), close(zero, k), close(zero, c)
    return _bounded(emitter, x, emitter.number(-1.0), _assembled(emitter, f, k, c))


def _emit_log(emitter: Emitter, x: Any) -> Any:
    builder, zero = emitter.builder, emitter.number(0.0)
    least, shift = emitter.number(NORMAL[emitter.bits]), emitter.number(SHIFT)
    scaled = emitter.choose("<", x, least, builder.fmul(x, emitter.number(2.0**SHIFT)), x)
    f, k = _reduced(emitter, scaled)
    k = builder.fsub(k, emitter.choose("<", x, least, shift, zero))
    return _bounded(emitter, x, zero, _assembled(emitter, f, k, zero))


def _reduced(emitter: Emitter, u: Any) -> tuple[Any, Any]:
    """f and k of u > 0 in the normal range."""
    builder, kind, bits = emitter.builder, emitter.kind, emitter.bits
    # the exponent counts from sqrt(1/2) on
    shifted = builder.add(builder.bitcast(u, integers(kind, 0).type), integers(kind, ONE[bits] - SQRT_HALF[bits]))
    exponent = builder.sub(
        builder.ashr(shifted, integers(kind, MANTISSA[bits])), integers(kind, ONE[bits] >> MANTISSA[bits])
    )
    fraction = builder.and_(shifted, integers(kind, (1 << MANTISSA[bits]) - 1))
    reduced = builder.bitcast(builder.add(fraction, integers(kind, SQRT_HALF[bits])), emitter.one.type)
    return builder.fsub(reduced, emitter.one), builder.sitofp(exponent, emitter.one.type)


def _assembled(emitter: Emitter, f: Any, k: Any, c: Any) -> Any:
    """The logarithm from f, k and c."""
    builder, bits = emitter.builder, emitter.bits
    high, low = LOG_2[bits]
    half = builder.fmul(builder.fmul(emitter.number(0.5), f), f)
    s = builder.fdiv(f, builder.fadd(emitter.number(2.0), f))
    z = builder.fmul(s, s)
    r = builder.fmul(z, emitter.horner(POLYNOMIAL[bits], z))
    small = emitter.fma(s, builder.fadd(half, r), emitter.fma(k, emitter.number(low), c))
    return emitter.fma(k, emitter.number(high), builder.fadd(builder.fsub(small, half), f))


def _bounded(emitter: Emitter, x: Any, bottom: Any, value: Any) -> Any:
    """The value; inf at inf, -inf at the bottom, NaN below it."""
    infinite, none = emitter.number(float("inf")), emitter.number(float("nan"))
    value = emitter.choose("==", x, infinite, infinite, value)
    value = emitter.choose("==", x, bottom, emitter.builder.fneg(infinite), value)
    return emitter.choose(">=", x, bottom, value, none)


@intrinsic
def log1p(typing: Any, x: Any) -> Any:
    """log(1 + x)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _emit(Emitter(builder, signature.return_type), *arguments)

    return (x(x), generate) if isinstance(x, Vector) else None


@intrinsic
def log(typing: Any, x: Any) -> Any:
    """log x."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _emit_log(Emitter(builder, signature.return_type), *arguments)

    return (x(x), generate) if isinstance(x, Vector) else None
