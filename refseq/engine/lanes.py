"""Vectors entry by entry: sums over their entries, some of them left out, the larger of two."""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from refseq.engine.vector import Vector, call, constant, float_type, vector_type


def _numbers(builder: Any, kind: Vector) -> Any:
    """(0, 1, 2 ...)."""
    entry = ir.IntType(32)
    return ir.Constant(ir.VectorType(entry, kind.count), [ir.Constant(entry, k) for k in range(kind.count)])


def _everywhere(builder: Any, value: Any, count: int) -> Any:
    """A vector of equal entries."""
    kind = ir.VectorType(value.type, count)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    same = ir.Constant(ir.VectorType(ir.IntType(32), count), [ir.Constant(ir.IntType(32), 0)] * count)
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), same)


def _lane(builder: Any, kind: Vector, number: Any) -> Any:
    """The number of a lane, or ``kind.count`` if it is none, in all lanes."""
    most = ir.Constant(ir.IntType(64), kind.count)
    known = builder.select(builder.icmp_unsigned("<", number, most), number, most)
    return _everywhere(builder, builder.trunc(known, ir.IntType(32)), kind.count)


def first_lanes(builder: Any, kind: Vector, number: Any) -> Any:
    """True for as many lanes as ``number`` >= 0 says."""
    return builder.icmp_unsigned("<", _numbers(builder, kind), _lane(builder, kind, number))


@intrinsic
def spread(typing: Any, x: Any) -> Any:
    """The vector that is x everywhere."""
    kind = vector_type(x)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _everywhere(builder, arguments[0], kind.count)

    return kind(x), generate


def _halved(combine: Any) -> Any:
    """The function that combines the halves of a vector until one entry is left."""

    @intrinsic
    def function(typing: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            value, count, whole = arguments[0], x.count, ir.IntType(32)
            while count > 1:
                count //= 2
                halves = (
                    ir.Constant(ir.VectorType(whole, count), [ir.Constant(whole, first + k) for k in range(count)])
                    for first in (0, count)
                )
                low, high = (builder.shuffle_vector(value, value, half) for half in halves)
                value = combine(builder, low, high)
            return builder.extract_element(value, ir.Constant(whole, 0))

        return x.element(x), generate

    return function


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">=", a, b), a, b)


fold = _halved(lambda builder, low, high: builder.fadd(low, high))
"""The sum of the entries, always in the same order."""
largest_entry = _halved(_larger)
"""The largest of the entries, none of which is NaN."""


@intrinsic
def larger(typing: Any, x: Any, second: Any) -> Any:
    """x where x >= second, else the second."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _larger(builder, *arguments)

    return (x(x, x), generate) if isinstance(x, Vector) and second == x else None


@intrinsic
def choose(typing: Any, x: Any, then: Any, other: Any) -> Any:
    """``then`` where x > 0, else ``other``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, then, other = arguments
        return builder.select(builder.fcmp_ordered(">", x, constant(signature.return_type, 0.0)), then, other)

    return (x(x, x, x), generate) if isinstance(x, Vector) and then == other == x else None


@intrinsic
def product(typing: Any, q: Any, x: Any) -> Any:
    """q x, and 0 where q is 0; of vectors or numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        q, x = arguments
        zero = ir.Constant(q.type, None)
        return builder.select(builder.fcmp_ordered("==", q, zero), zero, builder.fmul(q, x))

    return (q(q, q), generate) if isinstance(q, (Vector, types.Float)) and x == q else None


@intrinsic
def less(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a b - c rounded once, where the CPU has the instruction; of vectors or numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b, c = arguments
        return call(builder, "fma", a, b, builder.fneg(c))

    return (a(a, a, a), generate) if isinstance(a, (Vector, types.Float)) and a == b == c else None


@intrinsic
def apart(typing: Any, x: Any, j: Any, m: Any) -> Any:
    """x, which begins at entry j, with 0 for entry m."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, j, m = arguments
        first, wanted = (_everywhere(builder, builder.trunc(place, ir.IntType(32)), x.count) for place in (j, m))
        out = builder.icmp_unsigned("==", builder.add(first, _numbers(builder, x)), wanted)  # no branch to be guessed
        return builder.select(out, constant(x, 0.0), value)

    return x(x, types.int64, types.int64), generate


@intrinsic
def within(typing: Any, x: Any, j: Any, n: Any) -> Any:
    """x, which begins at entry j, with 0 beyond the n entries of the row."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, j, n = arguments
        return builder.select(first_lanes(builder, x, builder.sub(n, j)), value, constant(x, 0.0))

    return x(x, types.int64, types.int64), generate


@intrinsic
def first_equal(typing: Any, x: Any, y: Any) -> Any:
    """The first lane in which two vectors agree, or the number of lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = ir.IntType(64)
        equal = builder.fcmp_ordered("==", *arguments)
        found = builder.zext(builder.bitcast(equal, ir.IntType(x.count)), bits)
        stop = builder.or_(found, ir.Constant(bits, 1 << x.count))
        return builder.cttz(stop, ir.Constant(ir.IntType(1), 1))

    return types.int64(x, x), generate


@intrinsic
def widened(typing: Any, x: Any) -> Any:
    """The vector in double precision."""
    kind = Vector(types.float64, x.count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if x.element.bitwidth == 64:
            return arguments[0]
        return builder.fpext(arguments[0], ir.VectorType(float_type(types.float64), x.count))

    return kind(x), generate


@intrinsic
def scaled(typing: Any, x: Any, factor: Any) -> Any:
    """The vector times a number of its precision."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, factor = arguments
        return builder.fmul(value, _everywhere(builder, factor, x.count))

    return (x(x, x.element), generate) if isinstance(x, Vector) and factor == x.element else None


def narrowed_to(element: types.Float) -> Any:
    """f(x), the vector of doubles rounded to this precision."""

    @intrinsic
    def narrowed(typing: Any, x: Any) -> Any:
        kind = Vector(element, x.count)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            if element.bitwidth == 64:
                return arguments[0]
            return builder.fptrunc(arguments[0], ir.VectorType(float_type(element), x.count))

        return kind(x), generate

    return narrowed
