"""Transposing a square of floats in registers: as many rows as a vector has entries, each a vector."""

from typing import Any

from llvmlite import ir
from numba.core import types

from refseq.engine.vector import float_type, intrinsic, vector_type


def transposing(element: types.Float) -> Any:
    """f(source, by_row, target, by_column): entry (r, c) of the square at ``source``, ``r by_row + c`` entries from
    there, is written to ``c by_column + r`` entries from ``target``."""
    kind = vector_type(element)
    count, align = kind.count, element.bitwidth // 8

    @intrinsic
    def transpose(typing: Any, source: Any, by_row: Any, target: Any, by_column: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            source, by_row, target, by_column = arguments
            vector = ir.VectorType(float_type(element), count)

            def place(address: Any, stride: Any, number: int) -> Any:
                pointer = builder.inttoptr(address, float_type(element).as_pointer())
                entry = builder.mul(stride, ir.Constant(ir.IntType(64), number))
                return builder.bitcast(builder.gep(pointer, [entry]), vector.as_pointer())

            rows = [builder.load(place(source, by_row, r), align=align) for r in range(count)]
            for column, value in enumerate(_transposed(builder, rows, count)):
                builder.store(value, place(target, by_column, column), align=align)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 4), generate

    return transpose


def _transposed(builder: Any, rows: list[Any], count: int) -> list[Any]:
    """The columns: for each power of two, pairs of rows exchange the halves of their groups of that size."""
    half = count // 2
    while half:
        group = 2 * half
        low = [
            g * group + k if k < half else count + g * group + k - half
            for g in range(count // group)
            for k in range(group)
        ]
        high = [number + half for number in low]
        new = list(rows)
        for r in range(count):
            if r % group < half:
                first, second = rows[r], rows[r + half]
                new[r], new[r + half] = (_shuffled(builder, first, second, mask) for mask in (low, high))
        rows, half = new, half // 2
    return rows


def _shuffled(builder: Any, first: Any, second: Any, mask: list[int]) -> Any:
    numbers = ir.Constant(ir.VectorType(ir.IntType(32), len(mask)), mask)
    return builder.shuffle_vector(first, second, numbers)
