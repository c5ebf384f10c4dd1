"""One thing taken for another: names, entries of tuples, arguments; a call forgotten."""

import ast

from refseq.mutation.operators.edits import Context, Edits, changed

PAIRS = [
    ("c", "c1"), ("h", "h1"), ("dc", "dc1"), ("dh", "dh1"), ("s0", "s1"), ("d0", "ds"), ("ds", "dv"), ("dv", "da"),
    ("dx", "d0"), ("s", "made"), ("s", "s1"), ("s1", "tape"), ("first", "last"), ("begin", "end"), ("start", "stop"),
    ("low", "high"), ("lane", "lanes"), ("slot", "row"), ("slots", "rows"), ("made", "vectors"), ("states", "renewed"),
    ("renewed", "seen"), ("before", "mine"), ("pulled", "before"), ("inputs", "units"), ("x", "s"), ("p", "m"),
    ("b", "t"), ("i", "n"), ("dM", "db"), ("M", "b"), ("index", "size"), ("forward", "backward"), ("old", "s"),
    ("sigmoid", "tanh"), ("sigmoid_slope", "tanh_slope"), ("value", "slope"), ("log1p", "log"), ("min", "max"),
    ("any", "all"), ("take", "give"), ("run", "pull"), ("add", "copy"), ("arriving", "leaving"),
    ("scatter", "scatter_add"),
]  # fmt: skip
"""Names that are easily taken for one another: the old state for the new one, gates, bounds, an activation and its
slope, a cotangent for the next."""

CONFUSED: dict[str, frozenset[str]] = {
    name: frozenset(b if a == name else a for a, b in PAIRS if name in (a, b)) for pair in PAIRS for name in pair
}


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
            yield changed(node, elts=[*node.elts[:k], node.elts[k + 1], node.elts[k], *node.elts[k + 2 :]])


SYMMETRIC = {"range", "isinstance", "zip", "min", "max", "getattr", "setattr", "choice", "dot", "multiply"}
"""Functions whose arguments are not exchanged: it would change nothing, or raise."""

DESCRIPTIONS = {
    "Product",
    "Bias",
    "Parameter",
    "Stage",
    "Cell",
    "TreeCell",
    "EdgeCell",
    "Source",
    "Option",
    "Number",
    "Size",
}
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
        yield changed(node, args=[*node.args[:k], node.args[k + 1], node.args[k], *node.args[k + 2 :]])
    for k, keyword in enumerate(node.keywords):
        if keyword.arg not in NEEDED:
            yield changed(node, keywords=node.keywords[:k] + node.keywords[k + 1 :])


KINDS = {
    "range",
    "len",
    "int",
    "float",
    "tuple",
    "list",
    "dict",
    "set",
    "enumerate",
    "reversed",
    "sorted",
    "str",
    "type",
}
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
