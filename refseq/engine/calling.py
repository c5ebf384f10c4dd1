"""Calling a C function of 64-bit integers at an address: from compiled code, and from Python without its lock.

From Python through numba, because ctypes takes microseconds to convert its arguments. numba's disk cache looks at this
file alone, so everything that these calls are made of is in it.
"""

import ctypes
from typing import Any

from llvmlite import ir
from numba import config, njit, types

import refseq.symbols  # noqa: F401 - before anything is compiled
from refseq.engine.vector import intrinsic


def caller(count: int) -> Any:
    """f(address, ...) calls the C function at the address with ``count`` 64-bit integers.

    Its signature is written out, because numba's intrinsics take no ``*arguments``.
    """

    def typed() -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64)] * count)
            builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
            return context.get_dummy_value()

        return types.void(*[types.int64] * (count + 1)), generate

    given = "".join(f", a{k}" for k in range(count))
    namespace: dict = {"typed": typed}
    exec(f"def call(typing, address{given}):\n    return typed()", namespace)
    return intrinsic(namespace["call"])


call_2, call_4, call_5, call_9 = (caller(count) for count in (2, 4, 5, 9))


def _from_python(count: int) -> Any:
    """The decorator for a function of an address and ``count`` integers."""
    if getattr(config, "DISABLE_JIT", 0):  # numba then leaves Python's functions as they are
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * count)
        return lambda _: lambda function, *given: kind(function)(*given)
    try:
        return njit(types.void(*[types.int64] * (count + 1)), nogil=True, cache=True)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        return njit(types.void(*[types.int64] * (count + 1)), nogil=True)


@_from_python(2)
def run_2(function, a, b):
    """function(a, b)."""
    call_2(function, a, b)


@_from_python(4)
def run_4(function, a, b, c, d):
    """function(a, b, c, d)."""
    call_4(function, a, b, c, d)


@_from_python(5)
def run_5(function, a, b, c, d, e):
    """function(a, b, c, d, e)."""
    call_5(function, a, b, c, d, e)


@_from_python(9)
def run_9(function, a, b, c, d, e, f, g, h, i):
    """function(a, ..., i)."""
    call_9(function, a, b, c, d, e, f, g, h, i)


RUN = {2: run_2, 4: run_4, 5: run_5}
"""By the number of integers."""
