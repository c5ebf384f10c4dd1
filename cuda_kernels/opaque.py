"""An integer of which the compiler knows nothing: what is computed from it is computed there, and not ahead.

Loads of weights are straight-line code with hundreds of addresses. Those of one thread number have parts in common,
which the compiler would compute once, for all loads, and for the next direction too; until then they would wait in
registers, beside the weights, and spill. For the same reason places along k are unsigned: numba looks of every other
whether it is negative, and what comes of that would wait as well.
"""

from collections.abc import Callable
from typing import Any

from cuda_kernels import gpu


def _here_function() -> Callable:
    intrinsic = gpu.intrinsics()
    if intrinsic is None:
        return lambda x: x
    from llvmlite import ir
    from numba.core import types

    @intrinsic
    def here(typing: Any, x: Any) -> Any:
        def move(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
            kind = ir.FunctionType(ir.IntType(64), [ir.IntType(64)])
            return builder.call(ir.InlineAsm(kind, "mov.b64 $0, $1;", "=l,l", side_effect=True), arguments)

        return types.int64(types.int64), move

    return here


here = _here_function()
"""here(x): x."""
