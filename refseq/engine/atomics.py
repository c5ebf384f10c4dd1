"""What threads of one process tell one another by: 64-bit integers that are read and changed in one piece.

load(table, place, 0, 0)             what was written before it was stored is seen after it is loaded
store(table, place, 0, new)
add(table, place, 0, more)
exchange(table, place, old, new)     1 if ``old`` was there and has become ``new``, else 0

``table``: an address; ``place``: bytes from there on.
"""

from typing import Any

from llvmlite import ir
from numba.core import types

from refseq.engine.vector import intrinsic


def _atomic(name: str) -> Any:
    @intrinsic
    def operation(typing: Any, table: Any, place: Any, old: Any, new: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            table, place, old, new = arguments
            pointer = builder.inttoptr(builder.add(table, place), ir.IntType(64).as_pointer())
            if name == "load":
                return builder.load_atomic(pointer, "acquire", 8)
            if name == "store":
                builder.store_atomic(new, pointer, "release", 8)
                return new
            if name == "add":
                return builder.atomic_rmw("add", pointer, new, "acq_rel")
            pair = builder.cmpxchg(pointer, old, new, "acq_rel", "acquire")
            return builder.zext(builder.extract_value(pair, 1), ir.IntType(64))

        return types.int64(*[types.int64] * 4), generate

    return operation


load, store, add, exchange = (_atomic(name) for name in ("load", "store", "add", "exchange"))


@intrinsic
def pause(typing: Any) -> Any:
    """Tell the processor that this is a waiting loop."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        machine, hint = str(builder.module.triple), ir.Constant(ir.IntType(32), 1)
        name, given = (
            ("llvm.x86.sse2.pause", []) if machine.startswith(("x86", "i686")) else ("llvm.aarch64.hint", [hint])
        )
        if not given or machine.startswith(("aarch64", "arm64")):
            kind = ir.FunctionType(ir.VoidType(), [value.type for value in given])
            builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), given)
        return context.get_dummy_value()

    return types.void(), generate
