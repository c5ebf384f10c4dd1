"""Row n of an array, of which no compiled function may return a part (``refseq.wholes``)."""

import operator
from typing import Any

from numba.core import types
from numba.extending import lower_builtin, type_callable


def row_of(rows, n):
    """Row n of an array."""
    return rows[n]


@type_callable(row_of)
def _type_of_row(context: Any) -> Any:
    """Compiled it is written out like ``rows[n]`` itself: without numba's counting of references
    (``refseq.wholes``) no compiled function may return a part of an array."""

    def typer(rows: types.Type, n: types.Type) -> types.Type | None:
        found = context.resolve_function_type(operator.getitem, (rows, n), {})
        return found and found.return_type

    return typer


@lower_builtin(row_of, types.Array, types.Any)
def _row(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    found = context.typing_context.resolve_function_type(operator.getitem, signature.args, {})
    kinds = zip(arguments, signature.args, found.args, strict=True)
    given = [context.cast(builder, value, kind, wanted) for value, kind, wanted in kinds]
    return context.get_function(operator.getitem, found)(builder, given)
