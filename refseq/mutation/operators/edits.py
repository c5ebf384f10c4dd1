"""What every mutation operator is given and gives."""

import ast
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Any

Edits = Iterator[ast.AST]


@dataclass(frozen=True)
class Context:
    """What surrounds a node: its parent, the names that its functions bind, and for each name those that were unpacked
    from a tuple together with it."""

    parent: ast.AST
    bound: frozenset[str] = frozenset()
    siblings: dict[str, frozenset[str]] = field(default_factory=dict)


def changed(node: Any, **fields: Any) -> Any:
    """A copy of the node with other fields."""
    found = copy(node)
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def one_more(node: ast.expr, amount: int = 1) -> ast.expr:
    """node + 1, or - 1."""
    sign = ast.Add() if amount > 0 else ast.Sub()
    return ast.BinOp(node, sign, ast.Constant(abs(amount)))
