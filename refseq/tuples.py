"""Arithmetic on tuples of scalars of any length, for cells that differ in how many gates or states they have.

numba has no loop over a tuple that builds a tuple, so for it each function is unrolled by the length, which is part of
a tuple's type. Tuples given together have the same length.
"""

from collections.abc import Callable

from numba.extending import overload

from refseq.primitives import complement, zero


def multiply(a, b):
    """(a_k b_k)."""
    return tuple(x * y for x, y in zip(a, b, strict=True))


def add_products(a, b, c):
    """(a_k + b_k c_k)."""
    return tuple(x + y * z for x, y, z in zip(a, b, c, strict=True))


def add_scaled(a, b, x):
    """(a_k + b_k x)."""
    return tuple(y + z * x for y, z in zip(a, b, strict=True))


def scale(a, x):
    """(a_k x)."""
    return tuple(y * x for y in a)


def dot(a, b, x):
    """sum_k a_k b_k, in the number field of x."""
    total = zero(x)
    for y, z in zip(a, b, strict=True):
        total = total + y * z
    return total


def complements(a):
    """(1 - a_k)."""
    return tuple(complement(x) for x in a)


def zeros_like(a):
    """(0, ...) in the field of each a_k."""
    return tuple(zero(x) for x in a)


def _unrolled(arguments: str, item: str, length: int) -> Callable:
    items = "".join(f"{item.format(k)}, " for k in range(length))
    return _define(f"def implementation({arguments}):\n    return ({items})")


def _define(source: str) -> Callable:
    namespace: dict = {"complement": complement, "zero": zero}
    exec(source, namespace)
    return namespace["implementation"]


@overload(multiply)
def _multiply(a, b):
    return _unrolled("a, b", "a[{0}] * b[{0}]", len(a))


@overload(add_products)
def _add_products(a, b, c):
    return _unrolled("a, b, c", "a[{0}] + b[{0}] * c[{0}]", len(a))


@overload(add_scaled)
def _add_scaled(a, b, x):
    return _unrolled("a, b, x", "a[{0}] + b[{0}] * x", len(a))


@overload(scale)
def _scale(a, x):
    return _unrolled("a, x", "a[{0}] * x", len(a))


@overload(dot)
def _dot(a, b, x):
    lines = "".join(f"    total = total + a[{k}] * b[{k}]\n" for k in range(len(a)))
    return _define(f"def implementation(a, b, x):\n    total = zero(x)\n{lines}    return total")


@overload(complements)
def _complements(a):
    return _unrolled("a", "complement(a[{0}])", len(a))


@overload(zeros_like)
def _zeros_like(a):
    return _unrolled("a", "zero(a[{0}])", len(a))
