"""Mutation operators: small wrong edits of a program's syntax tree, those that people make in recurrent networks.

An operator looks at one node and yields nodes to put in its place. What stays is shared with the original tree, which
is not changed.
"""

import ast
from collections.abc import Callable, Iterator
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


PAIRS = [
    ("c", "c1"), ("h", "h1"), ("dc", "dc1"), ("dh", "dh1"), ("s0", "s1"), ("d0", "ds"), ("ds", "dv"), ("dv", "da"),
    ("dx", "d0"), ("s", "made"), ("s", "s1"), ("s1", "tape"), ("first", "last"), ("begin", "end"), ("start", "stop"),
    ("low", "high"), ("lane", "lanes"), ("slot", "row"), ("slots", "rows"), ("made", "vectors"), ("states", "renewed"),
    ("renewed", "seen"), ("before", "mine"), ("pulled", "before"), ("inputs", "units"), ("x", "s"), ("p", "m"),
    ("b", "t"), ("i", "n"), ("dM", "db"), ("M", "b"), ("index", "size"), ("forward", "backward"), ("old", "s"),
    ("sigmoid", "tanh"), ("sigmoid_slope", "tanh_slope"), ("value", "slope"), ("log1p", "log"), ("min", "max"),
    ("any", "all"), ("take", "give"), ("run", "pull"), ("add", "copy"), ("arriving", "leaving"), ("scatter", "scatter_add"),
]  # fmt: skip
"""Names that are easily taken for one another: the old state for the new one, gates, bounds, an activation and its
slope, a cotangent for the next."""

CONFUSED: dict[str, frozenset[str]] = {
    name: frozenset(b if a == name else a for a, b in PAIRS if name in (a, b)) for pair in PAIRS for name in pair
}


def _with(node: Any, **fields: Any) -> Any:
    changed = copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _one_more(node: ast.expr, amount: int = 1) -> ast.expr:
    sign = ast.Add() if amount > 0 else ast.Sub()
    return ast.BinOp(node, sign, ast.Constant(abs(amount)))


_OTHER_SIGN: dict[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


def arithmetic(node: ast.AST, context: Context) -> Edits:
    """+ for -, * for /, and the other way; * for +."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OTHER_SIGN:
        yield _with(node, op=_OTHER_SIGN[type(node.op)]())
        if isinstance(node.op, ast.Mult):
            yield _with(node, op=ast.Add())


def drop_operand(node: ast.AST, context: Context) -> Edits:
    """A lost term or factor: a + b becomes a, or b. Of an accumulation this is = for +=, or nothing at all."""
    if isinstance(node, ast.BinOp):
        yield node.left
        yield node.right


def sign(node: ast.AST, context: Context) -> Edits:
    """A lost minus; the operands of - or / exchanged; a term of a sum with the other sign."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div)):
        yield _with(node, left=node.right, right=node.left)


def constant(node: ast.AST, context: Context) -> Edits:
    """A number that is 1 more or less; True for False."""
    if isinstance(node, ast.Constant):
        if _number(node.value):
            yield ast.Constant(node.value + 1)
            yield ast.Constant(node.value - 1)
        elif isinstance(node.value, bool):
            yield ast.Constant(not node.value)


_OTHER_COMPARISON: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


def comparison(node: ast.AST, context: Context) -> Edits:
    """< for <=, == for !=, is for is not, in for not in."""
    if isinstance(node, ast.Compare):
        for k, operator in enumerate(node.ops):
            yield _with(node, ops=[*node.ops[:k], _OTHER_COMPARISON[type(operator)](), *node.ops[k + 1 :]])


def condition(node: ast.AST, context: Context) -> Edits:
    """A condition negated; and for or; one of two conditions alone; the branches of a choice exchanged."""
    if isinstance(node, (ast.If, ast.While)):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.IfExp):
        yield _with(node, body=node.orelse, orelse=node.body)
    if isinstance(node, ast.comprehension):
        for k in range(len(node.ifs)):
            yield _with(node, ifs=node.ifs[:k] + node.ifs[k + 1 :])
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
        yield from node.values
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand


def bounds(node: ast.AST, context: Context) -> Edits:
    """A loop that begins or ends one step early or late, or runs the other way; a slice with another bound."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "range":
            stop = len(node.args) > 1
            yield _with(node, args=[*node.args[:stop], _one_more(node.args[stop], -1), *node.args[stop + 1 :]])
            yield _with(node, args=[*node.args[:stop], _one_more(node.args[stop]), *node.args[stop + 1 :]])
            if stop:
                yield _with(node, args=[_one_more(node.args[0]), *node.args[1:]])
            else:
                yield _with(node, args=[ast.Constant(1), *node.args])
        if node.func.id == "reversed":
            yield node.args[0]
    if isinstance(node, ast.Slice):
        for name in ("lower", "upper"):
            if getattr(node, name) is not None:
                yield _with(node, **{name: _one_more(getattr(node, name))})
                yield _with(node, **{name: None})


def index(node: ast.AST, context: Context) -> Edits:
    """Two indices exchanged, as in a transposed matrix; an index one too high: the next time step, row or unit."""
    if not isinstance(node, ast.Subscript):
        return
    several = isinstance(node.slice, ast.Tuple)
    entries = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]

    def put(changed: list[ast.expr]) -> ast.AST:
        return _with(node, slice=ast.Tuple(changed, ast.Load()) if several else changed[0])

    for k in range(len(entries) - 1):
        yield put([*entries[:k], entries[k + 1], entries[k], *entries[k + 2 :]])
    for k, entry in enumerate(entries):
        if isinstance(entry, ast.Name):
            yield put([*entries[:k], _one_more(entry), *entries[k + 1 :]])


def name(node: ast.AST, context: Context) -> Edits:
    """Another gate, the new state for the old one, a bound for another: see PAIRS; or any other entry of the tuple that
    the name was unpacked from."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        near = {other for other in CONFUSED.get(node.id, ()) if other in context.bound}
        for other in sorted(near | context.siblings.get(node.id, frozenset())):
            yield ast.Name(other, ast.Load())


def slots(node: ast.AST, context: Context) -> Edits:
    """Two entries of a tuple exchanged: rows of gates, results, states."""
    if isinstance(node, (ast.Tuple, ast.List)) and isinstance(node.ctx, ast.Load):
        if isinstance(context.parent, ast.Subscript):
            return  # an index
        if isinstance(context.parent, ast.keyword) and context.parent.arg in ("keeps", "tape"):
            return  # names that nobody looks anything up by
        for k in range(len(node.elts) - 1):
            yield _with(node, elts=[*node.elts[:k], node.elts[k + 1], node.elts[k], *node.elts[k + 2 :]])


SYMMETRIC = {"range", "isinstance", "zip", "min", "max", "getattr", "setattr", "choice", "issubclass"}
"""Functions whose arguments are not exchanged: it would change nothing, or raise."""

DESCRIPTIONS = {"Product", "Bias", "Parameter", "Stage", "Cell", "TreeCell", "EdgeCell", "Source", "Option", "Number", "Size"}
"""Whose entries are names: exchanged ones are refused when the description is made."""

NEEDED = {"strict", "name", "options", "source", "gates", "state", "stages", "dtype", "kind", None}
"""Keywords whose loss only raises, or changes nothing that is computed."""


def arguments(node: ast.AST, context: Context) -> Edits:
    """Two arguments of a call exchanged; a keyword left out."""
    if not isinstance(node, ast.Call):
        return
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if called in SYMMETRIC:
        return
    for k in range(len(node.args) - 1) if called not in DESCRIPTIONS else ():
        yield _with(node, args=[*node.args[:k], node.args[k + 1], node.args[k], *node.args[k + 2 :]])
    for k, keyword in enumerate(node.keywords):
        if keyword.arg not in NEEDED:
            yield _with(node, keywords=node.keywords[:k] + node.keywords[k + 1 :])


KINDS = {"range", "len", "int", "float", "tuple", "list", "dict", "set", "enumerate", "reversed", "sorted", "str", "type"}
"""What makes another kind of object: without it the program only raises."""


def drop_call(node: ast.AST, context: Context) -> Edits:
    """A function that is not applied: a forgotten activation, slope, complement, copy."""
    if isinstance(node, ast.Call) and not isinstance(context.parent, ast.Expr):
        if isinstance(node.func, ast.Name) and node.func.id in KINDS:
            return
        if len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Starred):
            yield node.args[0]
        elif not node.args and isinstance(node.func, ast.Attribute) and node.func.attr in ("copy",):
            yield node.func.value


def statement(node: ast.AST, context: Context) -> Edits:
    """A statement that is missing: a forgotten clear, add or barrier, a store, a name not renewed; = for +=, -= for
    +=."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        if isinstance(target, ast.Subscript) or (isinstance(target, ast.Name) and target.id in context.bound):
            yield ast.Pass()
    if isinstance(node, ast.AugAssign):
        yield ast.Pass()
        yield ast.Assign([node.target], node.value)
        if isinstance(node.op, ast.Add):
            yield _with(node, op=ast.Sub())


def leave(node: ast.AST, context: Context) -> Edits:
    """A loop that is left after its first pass; one that is not left where it should be; an early return."""
    if isinstance(node, (ast.For, ast.While)):
        yield _with(node, body=[*node.body, ast.Break()])
    if isinstance(node, (ast.Continue, ast.Break)):
        yield ast.Pass()


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
