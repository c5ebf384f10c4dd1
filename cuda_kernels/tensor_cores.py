"""Products of small matrices by tensor cores, as instructions that the 32 threads of a warp carry out together:

    D (16, 8) = A (16, K) B (K, 8) + C (16, 8)      mma.sync.aligned, K = 8 for tf32, 16 for bf16; C and D float32

A thread holds a fragment of each matrix: four registers of A, two of B, four numbers of C. With g = lane // 4, s = lane
% 4 and n neighbours along k in a register (tf32: 1, bf16: 2, the first in the lower half)

    register i of A   row g + 8 (i % 2), from k = n (s + 4 (i // 2))      i = 0 .. 3
    register i of B   column g, from k = n (s + 4 i)                      i = 0, 1
    number i of C, D  row g + 8 (i // 2), column 2 s + i % 2              i = 0 .. 3

Needs compute capability 8.0. In the simulator twins in Python take their place. Sources: PTX ISA, mma and cvt.
"""

from collections.abc import Callable
from typing import Any

from cuda_kernels import gpu, simulated_tensor_cores
from cuda_kernels.simulated_tensor_cores import COLUMNS, ROWS

__all__ = ["CAPABILITY", "COLUMNS", "NEIGHBOURS", "PRECISIONS", "ROWS", "depth", "multiply", "pack"]

NEIGHBOURS = {"tf32": 1, "bf16": 2}
"""Operands in a register."""

PRECISIONS = tuple(NEIGHBOURS)

CAPABILITY = (8, 0)
"""The compute capability from which on there are these instructions."""


def depth(precision: str) -> int:
    """K, of one instruction."""
    return 8 * NEIGHBOURS[precision]


_MMA = {
    "tf32": "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32",
    "bf16": "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32",
}
_OPERANDS = " {$0,$1,$2,$3}, {$4,$5,$6,$7}, {$8,$9}, {$10,$11,$12,$13};"
_CVT = {"tf32": "cvt.rna.tf32.f32 $0, $1;", "bf16": "cvt.rn.bf16x2.f32 $0, $2, $1;"}  # the upper half comes first


def _multiply_function(intrinsic: Any, precision: str) -> Callable:
    from llvmlite import ir
    from numba.core import types

    @intrinsic
    def multiply(typing: Any, a: Any, b: Any, c: Any) -> Any:
        signature = types.UniTuple(types.float32, 4)(a, b, c)

        def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
            given = [
                builder.extract_value(part, i)
                for part, count in zip(arguments, (4, 2, 4), strict=True)
                for i in range(count)
            ]
            made = ir.LiteralStructType([ir.FloatType()] * 4)
            kind = ir.FunctionType(made, [part.type for part in given])
            code = ir.InlineAsm(kind, _MMA[precision] + _OPERANDS, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f", side_effect=True)
            found = builder.call(code, given)
            return context.make_tuple(
                builder, signature.return_type, [builder.extract_value(found, i) for i in range(4)]
            )

        return signature, generate

    return multiply


def _pack_function(intrinsic: Any, precision: str) -> Callable:
    from llvmlite import ir
    from numba.core import types

    def convert(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [ir.FloatType()] * len(arguments))
        constraints = ",".join(["=r", *["f"] * len(arguments)])
        return builder.call(ir.InlineAsm(kind, _CVT[precision], constraints), arguments)

    if NEIGHBOURS[precision] == 1:

        @intrinsic
        def pack(typing: Any, x: Any) -> Any:
            return types.uint32(types.float32), convert

    else:

        @intrinsic
        def pack(typing: Any, low: Any, high: Any) -> Any:
            return types.uint32(types.float32, types.float32), convert

    return pack


def _functions(name: str, make: Callable) -> dict[str, Callable]:
    """By precision: what is made for numba-cuda, or the twin of this name."""
    intrinsic = gpu.intrinsics()
    if intrinsic is None:
        return {one: getattr(simulated_tensor_cores, f"{name}_{one}") for one in PRECISIONS}
    return {one: make(intrinsic, one) for one in PRECISIONS}


multiply = _functions("multiply", _multiply_function)
"""multiply[precision](A, B, C): this thread's four numbers of D, from its four registers of A and two of B (uint32) and
four numbers of C (float32), as tuples. All threads of a warp call it together."""

pack = _functions("pack", _pack_function)
"""pack["tf32"](x), pack["bf16"](low, high): a register (uint32) of operands, from float32, rounded as ``rounding``
says."""
