"""Addresses of floats as 64-bit integers, and rows of vectors at an address as what a stage indexes like a matrix.

The engine hands its functions addresses and not arrays: a call costs nothing, and one compiled function serves every
cell. Whoever calls answers for the bounds; the only callers are in ``refseq.engine``.
"""

import operator
from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import models, overload, register_model
from numba.np.arrayobj import populate_array

from refseq.engine.vector import Vector, float_type, intrinsic, vector_type


class Strip(types.Type):
    """Rows of floats at an address: strip[k, j] is the vector that begins at entry j of row k."""

    def __init__(self, element: types.Float) -> None:
        self.element = element
        super().__init__(f"Strip({element})")


@register_model(Strip)
class _Model(models.StructModel):
    def __init__(self, manager: Any, kind: Strip) -> None:
        super().__init__(manager, kind, [("address", types.int64), ("width", types.int64)])


def _pointer(builder: Any, element: types.Float, address: Any, entry: Any) -> Any:
    return builder.gep(builder.inttoptr(address, float_type(element).as_pointer()), [entry])


@cache
def strip_of(element: types.Float) -> Any:
    """f(address, width), the strip of rows that are ``width`` entries long."""
    kind = Strip(element)

    @intrinsic
    def strip(typing: Any, address: Any, width: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pair = ir.Constant(context.get_value_type(kind), ir.Undefined)
            pair = builder.insert_value(pair, arguments[0], 0)
            return builder.insert_value(pair, arguments[1], 1)

        return kind(types.int64, types.int64), generate

    return strip


def _place(context: Any, builder: Any, kind: Strip, arguments: Any) -> Any:
    strip, k, j = arguments[:3]
    entry = builder.add(builder.mul(k, builder.extract_value(strip, 1)), j)
    vector = context.get_value_type(vector_type(kind.element))
    return builder.bitcast(_pointer(builder, kind.element, builder.extract_value(strip, 0), entry), vector.as_pointer())


@intrinsic
def _load(typing: Any, strip: Any, k: Any, j: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_place(context, builder, strip, arguments), align=strip.element.bitwidth // 8)

    return vector_type(strip.element)(strip, types.int64, types.int64), generate


@intrinsic
def _store(typing: Any, strip: Any, k: Any, j: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[3], _place(context, builder, strip, arguments), align=strip.element.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(strip, types.int64, types.int64, value), generate


@overload(operator.getitem)
def _getitem(strip, index):
    if isinstance(strip, Strip):
        return lambda strip, index: _load(strip, index[0], index[1])
    return None


@overload(operator.setitem)
def _setitem(strip, index, value):
    if isinstance(strip, Strip) and isinstance(value, Vector):
        return lambda strip, index, value: _store(strip, index[0], index[1], value)
    return None


@cache
def loader(element: types.Float) -> Any:
    """f(address, entry), the float at this entry."""

    @intrinsic
    def load(typing: Any, address: Any, entry: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.load(_pointer(builder, element, *arguments), align=element.bitwidth // 8)

        return element(types.int64, types.int64), generate

    return load


@cache
def storer(element: types.Float) -> Any:
    """f(address, entry, value) writes a float."""

    @intrinsic
    def store(typing: Any, address: Any, entry: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = _pointer(builder, element, *arguments[:2])
            builder.store(arguments[2], place, align=element.bitwidth // 8)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, element), generate

    return store


@intrinsic
def word(typing: Any, address: Any, number: Any) -> Any:
    """The 64-bit integer at this place of a table."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load(builder.gep(table, [arguments[1]]))

    return types.int64(types.int64, types.int64), generate


@intrinsic
def put_word(typing: Any, address: Any, number: Any, value: Any) -> Any:
    """Write a 64-bit integer of a table."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.store(arguments[2], builder.gep(table, [arguments[1]]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


def _array(context: Any, builder: Any, kind: Any, address: Any, shape: list[Any]) -> Any:
    """A contiguous array that owns no memory."""
    made, size = context.make_array(kind)(context, builder), ir.Constant(ir.IntType(64), kind.dtype.bitwidth // 8)
    strides = [size]
    for entries in shape[:0:-1]:
        strides.insert(0, builder.mul(strides[0], entries))
    data = builder.inttoptr(address, made.data.type)
    populate_array(made, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
    return made._getvalue()


@cache
def array_at(element: Any) -> Any:
    """f(address, shape), a contiguous array at the address."""

    @intrinsic
    def array(typing: Any, address: Any, shape: Any) -> Any:
        kind = types.Array(element, len(shape), "C")

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _array(context, builder, kind, arguments[0], cgutils.unpack_tuple(builder, arguments[1]))

        return kind(types.int64, types.UniTuple(types.int64, len(shape))), generate

    return array


@intrinsic
def address_of_array(typing: Any, array: Any) -> Any:
    """Where an array begins."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(array)(context, builder, arguments[0]).data
        return builder.ptrtoint(data, ir.IntType(64))

    return types.int64(array), generate


@cache
def matrix_of(element: Any) -> Any:
    """f(address, rows, width), an array of floats at the address."""
    kind = types.Array(element, 2, "C")

    @intrinsic
    def matrix(typing: Any, address: Any, rows: Any, width: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _array(context, builder, kind, arguments[0], list(arguments[1:]))

        return kind(types.int64, types.int64, types.int64), generate

    return matrix


@intrinsic
def keep_apart(typing: Any) -> Any:
    """The function that calls this is not inlined into others: numba would optimise it again in each of them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.discard("alwaysinline")
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate
