"""Numbers at an address, one at a time: numba's arrays without what compiled code pays for them (references that are
counted at every call, indices from the end). Whoever makes one answers for the bounds."""

import operator
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import models, overload, register_model

from refseq.engine.vector import intrinsic


class Plain(types.Type):
    """The numba type of numbers of this kind one after another: plain[j] reads one, plain[j] = x writes it."""

    def __init__(self, element: Any) -> None:
        self.element = element
        super().__init__(f"Plain({element})")


@register_model(Plain)
class _Model(models.StructModel):
    def __init__(self, manager: Any, kind: Plain) -> None:
        super().__init__(manager, kind, [("address", types.int64)])


def plain_of(element: Any) -> Any:
    """f(address), the numbers that begin there."""
    kind = Plain(element)

    @intrinsic
    def plain(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            made = ir.Constant(context.get_value_type(kind), ir.Undefined)
            return builder.insert_value(made, arguments[0], 0)

        return kind(types.int64), generate

    return plain


def _place(context: Any, builder: Any, kind: Plain, arguments: Any) -> Any:
    pointer = context.get_value_type(kind.element).as_pointer()
    start = builder.inttoptr(builder.extract_value(arguments[0], 0), pointer)
    return builder.gep(start, [arguments[1]])


@intrinsic
def _load(typing: Any, plain: Any, j: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_place(context, builder, plain, arguments), align=plain.element.bitwidth // 8)

    return plain.element(plain, types.int64), generate


@intrinsic
def _store(typing: Any, plain: Any, j: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, plain, arguments)
        builder.store(arguments[2], place, align=plain.element.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(plain, types.int64, plain.element), generate


@overload(operator.getitem)
def _getitem(plain, j):
    if isinstance(plain, Plain):
        return lambda plain, j: _load(plain, j)  # noqa: PLW0108 - numba wants the names
    return None


@overload(operator.setitem)
def _setitem(plain, j, value):
    if isinstance(plain, Plain):
        kind = plain.element
        return lambda plain, j, value: _store(plain, j, kind(value))
    return None
