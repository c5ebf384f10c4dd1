"""Mutation operators: small wrong edits of a program's syntax tree, those that people make in recurrent networks.

An operator looks at one node and yields nodes to put in its place. What stays is shared with the original tree, which
is not changed.
"""

import ast
from collections.abc import Callable

from refseq.mutation.operators.edits import Context, Edits
from refseq.mutation.operators.formulas import arithmetic, comparison, condition, constant, drop_operand, sign
from refseq.mutation.operators.loops import bounds, index, leave, statement
from refseq.mutation.operators.names import arguments, drop_call, name, slots

__all__ = ["OPERATORS", "Context", "Edits", "Operator"]

Operator = Callable[[ast.AST, Context], Edits]

OPERATORS: dict[str, Operator] = {
    "arithmetic": arithmetic,
    "drop operand": drop_operand,
    "sign": sign,
    "constant": constant,
    "comparison": comparison,
    "condition": condition,
    "bounds": bounds,
    "index": index,
    "name": name,
    "slots": slots,
    "arguments": arguments,
    "drop call": drop_call,
    "statement": statement,
    "leave": leave,
}
"""Every operator by name."""
