"""Wrong loops, indices and statements."""

import ast

from refseq.mutation.operators.edits import Context, Edits, changed, one_more


def bounds(node: ast.AST, context: Context) -> Edits:
    """A loop that begins or ends one step early or late, or runs the other way; a slice with another bound."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "range":
            stop = len(node.args) > 1
            yield changed(node, args=[*node.args[:stop], one_more(node.args[stop], -1), *node.args[stop + 1 :]])
            yield changed(node, args=[*node.args[:stop], one_more(node.args[stop]), *node.args[stop + 1 :]])
            if stop:
                yield changed(node, args=[one_more(node.args[0]), *node.args[1:]])
            else:
                yield changed(node, args=[ast.Constant(1), *node.args])
        if node.func.id == "reversed":
            yield node.args[0]
    if isinstance(node, ast.Slice):
        for name in ("lower", "upper"):
            if getattr(node, name) is not None:
                yield changed(node, **{name: one_more(getattr(node, name))})
                yield changed(node, **{name: None})


def index(node: ast.AST, context: Context) -> Edits:
    """Two indices exchanged, as in a transposed matrix; an index one too high: the next time step, row or unit."""
    if not isinstance(node, ast.Subscript):
        return
    several = isinstance(node.slice, ast.Tuple)
    entries = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]

    def put(found: list[ast.expr]) -> ast.AST:
        return changed(node, slice=ast.Tuple(found, ast.Load()) if several else found[0])

    for k in range(len(entries) - 1):
        yield put([*entries[:k], entries[k + 1], entries[k], *entries[k + 2 :]])
    for k, entry in enumerate(entries):
        if isinstance(entry, ast.Name):
            yield put([*entries[:k], one_more(entry), *entries[k + 1 :]])


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
            yield changed(node, op=ast.Sub())


def leave(node: ast.AST, context: Context) -> Edits:
    """A loop that is left after its first pass; one that is not left where it should be; an early return."""
    if isinstance(node, (ast.For, ast.While)):
        yield changed(node, body=[*node.body, ast.Break()])
    if isinstance(node, (ast.Continue, ast.Break)):
        yield ast.Pass()
