"""Rows of floats of any length at an address, read and written a vector at a time.

row[j] is the vector that begins at entry j of the first row, rows[k, j] that of row k; rows[k, :n] is row k with n
entries. What is beyond the end is ``filler`` when read, and not written.
"""

import operator
from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import models, overload, register_jitable, register_model

from refseq.engine.lanes import first_lanes
from refseq.engine.vector import Vector, constant, float_type, intrinsic, vector_type


class Entries(types.Type):
    """The numba type of rows of ``element`` with this filler."""

    def __init__(self, element: types.Float, filler: float) -> None:
        self.element, self.filler = element, filler
        super().__init__(f"Entries({element}, {filler})")


@register_model(Entries)
class _Model(models.StructModel):
    def __init__(self, manager: Any, kind: Entries) -> None:
        super().__init__(manager, kind, [(name, types.int64) for name in ("address", "count", "stride")])


@cache
def entries_of(element: types.Float, filler: float = 0.0) -> Any:
    """f(address, count, stride), rows of ``count`` entries that begin ``stride`` entries apart."""
    kind = Entries(element, filler)

    @intrinsic
    def entries(typing: Any, address: Any, count: Any, stride: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            made = ir.Constant(context.get_value_type(kind), ir.Undefined)
            for place, value in enumerate(arguments):
                made = builder.insert_value(made, value, place)
            return made

        return kind(types.int64, types.int64, types.int64), generate

    return entries


def _place(builder: Any, kind: Entries, arguments: Any) -> Any:
    rows, k, j = arguments[:3]
    entry = builder.add(builder.mul(k, builder.extract_value(rows, 2)), j)
    start = builder.inttoptr(builder.extract_value(rows, 0), float_type(kind.element).as_pointer())
    return builder.gep(start, [entry])


def _vector(context: Any, kind: Entries) -> tuple[Vector, ir.VectorType]:
    vector = vector_type(kind.element)
    return vector, context.get_value_type(vector)


@intrinsic
def count_of(typing: Any, rows: Any) -> Any:
    """Entries of a row."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.extract_value(arguments[0], 1)

    return types.int64(rows), generate


def _masked(builder: Any, name: str, kind: ir.VectorType, result: ir.Type, given: list[ir.Type]) -> ir.Function:
    width = 32 if isinstance(kind.element, ir.FloatType) else 64
    full = f"llvm.masked.{name}.v{kind.count}f{width}.p0"
    return builder.module.globals.get(full) or ir.Function(builder.module, ir.FunctionType(result, given), full)


def _remaining(builder: Any, arguments: Any) -> Any:
    return builder.sub(builder.extract_value(arguments[0], 1), arguments[2])


@intrinsic
def _load(typing: Any, rows: Any, k: Any, j: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, lowered = _vector(context, rows)
        place = builder.bitcast(_place(builder, rows, arguments), lowered.as_pointer())
        return builder.load(place, align=rows.element.bitwidth // 8)

    return vector_type(rows.element)(rows, types.int64, types.int64), generate


@intrinsic
def _load_some(typing: Any, rows: Any, k: Any, j: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector, lowered = _vector(context, rows)
        place = builder.bitcast(_place(builder, rows, arguments), lowered.as_pointer())
        size, mask = ir.IntType(32), first_lanes(builder, vector, _remaining(builder, arguments))
        function = _masked(builder, "load", lowered, lowered, [place.type, size, mask.type, lowered])
        align = ir.Constant(size, rows.element.bitwidth // 8)
        return builder.call(function, [place, align, mask, constant(vector, rows.filler)])

    return vector_type(rows.element)(rows, types.int64, types.int64), generate


@intrinsic
def _store(typing: Any, rows: Any, k: Any, j: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, lowered = _vector(context, rows)
        place = builder.bitcast(_place(builder, rows, arguments), lowered.as_pointer())
        builder.store(arguments[3], place, align=rows.element.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(rows, types.int64, types.int64, value), generate


@intrinsic
def _store_some(typing: Any, rows: Any, k: Any, j: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector, lowered = _vector(context, rows)
        place = builder.bitcast(_place(builder, rows, arguments), lowered.as_pointer())
        size, mask = ir.IntType(32), first_lanes(builder, vector, _remaining(builder, arguments))
        function = _masked(builder, "store", lowered, ir.VoidType(), [lowered, place.type, size, mask.type])
        builder.call(function, [arguments[3], place, ir.Constant(size, rows.element.bitwidth // 8), mask])
        return context.get_dummy_value()

    return types.void(rows, types.int64, types.int64, value), generate


@intrinsic
def _beginning(typing: Any, rows: Any, k: Any, n: Any) -> Any:
    """rows[k, :n]: row k alone, with n entries."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given, k, n = arguments
        size = ir.Constant(ir.IntType(64), rows.element.bitwidth // 8)
        before = builder.mul(builder.mul(k, builder.extract_value(given, 2)), size)
        moved = builder.insert_value(given, builder.add(builder.extract_value(given, 0), before), 0)
        return builder.insert_value(moved, n, 1)

    return rows(rows, types.int64, types.int64), generate


@overload(len)
def _len(rows):
    return (lambda rows: count_of(rows)) if isinstance(rows, Entries) else None  # noqa: PLW0108 - the names count


@overload(operator.getitem)
def _getitem(rows, index):
    if not isinstance(rows, Entries):
        return None
    lanes = vector_type(rows.element).count

    def at(rows, k, j):
        return _load(rows, k, j) if j + lanes <= count_of(rows) else _load_some(rows, k, j)

    at = register_jitable(at)
    if isinstance(index, types.Integer):
        return lambda rows, index: at(rows, 0, index)
    if isinstance(index[1], types.SliceType):
        return lambda rows, index: _beginning(rows, index[0], index[1].stop)
    return lambda rows, index: at(rows, index[0], index[1])


@overload(operator.setitem)
def _setitem(rows, index, value):
    if not isinstance(rows, Entries) or not isinstance(value, Vector):
        return None
    lanes = vector_type(rows.element).count

    def at(rows, k, j, value):
        if j + lanes <= count_of(rows):
            _store(rows, k, j, value)
        else:
            _store_some(rows, k, j, value)

    at = register_jitable(at)
    if isinstance(index, types.Integer):
        return lambda rows, index, value: at(rows, 0, index, value)
    return lambda rows, index, value: at(rows, index[0], index[1], value)


@intrinsic
def address_of(typing: Any, rows: Any) -> Any:
    """Where the first row begins."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.extract_value(arguments[0], 0)

    return types.int64(rows), generate


@intrinsic
def shifted(typing: Any, rows: Any, n: Any, size: Any) -> Any:
    """The rows from row n on, whose entries have ``size`` bytes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given, n, size = arguments
        bytes_before = builder.mul(builder.mul(n, builder.extract_value(given, 2)), size)
        return builder.insert_value(given, builder.add(builder.extract_value(given, 0), bytes_before), 0)

    return rows(rows, types.int64, types.int64), generate
