"""A SIMD vector of floats as a number that numba knows: arithmetic works entry by entry.

The width is that of the registers of the CPU for which numba compiles, so NUMBA_CPU_NAME and NUMBA_CPU_FEATURES choose
it: 64 bytes with AVX-512, 32 with AVX2 and FMA, else 16 (NEON, SSE2).
"""

import operator
from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import extending
from numba.core import types
from numba.core.registry import cpu_target
from numba.extending import lower_builtin, models, register_model, type_callable

intrinsic: Any = extending.intrinsic
"""numba's decorator, whose result is called otherwise than it is written."""

FLAGS = ("contract", "nsz")
"""What LLVM may do: fuse a product and a sum into one rounding, and ignore the sign of zero."""


@cache
def features() -> frozenset[str]:
    """Features of the CPU for which numba compiles, as LLVM names them."""
    context: Any = cpu_target.target_context
    described = context.codegen()._tm_features  # no public name in numba
    return frozenset(word[1:] for word in described.split(",") if word.startswith("+"))


@cache
def register_bytes() -> int:
    """Bytes of a vector register."""
    known = features()
    if "avx512f" in known:
        return 64
    return 32 if {"avx2", "fma"} <= known else 16


def has_fma() -> bool:
    """Whether a product and a sum are one instruction."""
    known = features()
    return bool({"fma", "avx512f", "neon", "fp-armv8"} & known)


def size(dtype: Any) -> int:
    """Bytes of an entry."""
    return np.dtype(dtype).itemsize


def element_of(dtype: Any) -> Any:
    """numba's type of an entry."""
    return numba.from_dtype(np.dtype(dtype))


def lanes(dtype: Any) -> int:
    """Entries of a vector of this precision."""
    return register_bytes() // size(dtype)


class Vector(types.Type):
    """The numba type of ``count`` floats of type ``element``."""

    def __init__(self, element: types.Float, count: int) -> None:
        self.element, self.count = element, count
        super().__init__(f"Vector({element}, {count})")


def vector_type(element: types.Float) -> Vector:
    """The vector of this element that fills a register."""
    return Vector(element, register_bytes() * 8 // element.bitwidth)


def float_type(element: types.Float) -> Any:
    """The element as LLVM knows it."""
    return ir.FloatType() if element.bitwidth == 32 else ir.DoubleType()


@register_model(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, ir.VectorType(float_type(kind.element), kind.count))


def constant(kind: Vector, value: float) -> Any:
    """A vector of equal entries."""
    entry = float_type(kind.element)
    return ir.Constant(ir.VectorType(entry, kind.count), [ir.Constant(entry, float(value))] * kind.count)


def integers(kind: Vector, value: int) -> Any:
    """A vector of equal integers, each as wide as an entry of ``kind``."""
    entry = ir.IntType(kind.element.bitwidth)
    return ir.Constant(ir.VectorType(entry, kind.count), [ir.Constant(entry, value)] * kind.count)


def call(builder: Any, name: str, *arguments: Any) -> Any:
    """One of LLVM's functions on equal vectors or numbers: fma, minnum, fabs, sqrt ..."""
    kind = arguments[0].type
    element, count = (kind.element, f"v{kind.count}") if isinstance(kind, ir.VectorType) else (kind, "")
    if name == "fma" and not has_fma():
        name = "fmuladd"  # without the instruction, fma would be a library call for every entry
    width = 32 if isinstance(element, ir.FloatType) else 64
    full = f"llvm.{name}.{count}f{width}"
    function = builder.module.globals.get(full)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(kind, [kind] * len(arguments)), full)
    return builder.call(function, arguments)


def _arithmetic(operation: Any, instruction: str) -> None:
    @type_callable(operation)
    def typed(context: Any) -> Any:
        def typer(a: types.Type, b: types.Type) -> types.Type | None:
            return a if isinstance(a, Vector) and a == b else None

        return typer

    @lower_builtin(operation, Vector, Vector)
    def lowered(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*arguments, flags=FLAGS)


for _operation, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _arithmetic(_operation, _instruction)


@type_callable(operator.neg)
def _negation(context: Any) -> Any:
    def typer(a: types.Type) -> types.Type | None:
        return a if isinstance(a, Vector) else None

    return typer


@lower_builtin(operator.neg, Vector)
def _negated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.fneg(arguments[0])


@intrinsic
def ones(typing: Any, x: Any) -> Any:
    """A vector like x, full of 1."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return constant(signature.return_type, 1.0)

    return x(x), generate
