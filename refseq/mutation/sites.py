"""Where a module may be mutated: what runs with numba's JIT off and computes, that is the bodies of functions and
lambdas, and the module's numbers.

Left alone: what only refuses wrong input (``raise``, ``assert`` and the ``if`` that guards a raise), text, annotations,
decorators, and numba's overloads, which plain Python does not run.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from refseq.mutation.operators import Context

UNSEEN = {"__repr__", "__str__", "__reduce__", "__post_init__", "describe", "missing", "code"}
"""Methods that compute nothing that a check of numbers could look at: text, what is missing, numba's cache keys."""


TEXT = {"Source", "Schedule"}
"""Calls that are nothing but text."""


@dataclass(frozen=True)
class Site:
    """A node that may be edited, the statement and the function that it stands in, and what surrounds it. ``imported``:
    the statement is not in a function, so that the import runs it."""

    node: ast.AST
    statement: ast.stmt
    function: str
    context: Context
    imported: bool


def last_line(statement: ast.stmt) -> int:
    """The last line of a statement; of one with a body, of what stands before it."""
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body[0].lineno > statement.lineno:
        return body[0].lineno - 1
    return statement.end_lineno or statement.lineno


def module_sites(tree: ast.Module) -> Iterator[Site]:
    """Every node that operators look at, in the order of the file."""
    for statement in tree.body:
        yield from _statement_sites(statement, tree, "", frozenset(), {}, True)


def _statement_sites(
    statement: ast.stmt,
    parent: ast.AST,
    function: str,
    bound: frozenset[str],
    siblings: dict[str, frozenset[str]],
    imported: bool,
) -> Iterator[Site]:
    """The sites of a statement and of all that it contains."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        if statement.name in UNSEEN or _for_numba(statement):
            return
        own = f"{function}.{statement.name}".lstrip(".")
        if isinstance(statement, ast.FunctionDef):
            bound, siblings, imported = bound | _bound(statement), siblings | _siblings(statement), False
        for inner in statement.body:
            yield from _statement_sites(inner, statement, own, bound, siblings, imported)
        return
    if _silent(statement) or (not function and not _computes(statement)):
        return
    yield Site(statement, statement, function, Context(parent, bound - _once(statement, parent), siblings), imported)
    inner = [s for name in ("body", "orelse") for s in getattr(statement, name, []) if isinstance(s, ast.stmt)]
    yield from _expression_sites(statement, statement, function, bound, siblings, imported)
    for child in inner:
        yield from _statement_sites(child, statement, function, bound, siblings, imported)


def _expression_sites(
    node: ast.AST,
    statement: ast.stmt,
    function: str,
    bound: frozenset[str],
    siblings: dict[str, frozenset[str]],
    imported: bool,
) -> Iterator[Site]:
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "ctx", "op"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, (ast.stmt, ast.JoinedStr, ast.arguments)):
                continue
            if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in TEXT:
                continue
            yield Site(child, statement, function, Context(node, bound, siblings), imported)
            yield from _expression_sites(child, statement, function, bound, siblings, imported)


def _silent(statement: ast.stmt) -> bool:
    """Whether a statement computes nothing: text, imports, refusals and the conditions that guard them."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.Raise, ast.Assert, ast.Pass, ast.AnnAssign, ast.Try)):
        return not (isinstance(statement, ast.AnnAssign) and statement.value is not None)
    if isinstance(statement, (ast.If, ast.For)):
        return bool(statement.body) and all(isinstance(inner, ast.Raise) or _silent(inner) for inner in statement.body)
    return False


def _computes(statement: ast.stmt) -> bool:
    """Whether a module's own statement makes numbers or functions: a number, or something with a lambda in it."""
    if not isinstance(statement, ast.Assign):
        return False
    number = isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, (int, float))
    return number or any(isinstance(node, ast.Lambda) for node in ast.walk(statement))


def _for_numba(function: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether it is an overload, or what makes one: plain Python does not run it."""
    words = [_name(node.func) for node in function.decorator_list if isinstance(node, ast.Call)]
    return "overload" in words or function.name in ("typed", "_assignments", "_define", "_unrolled")


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _bound(function: ast.FunctionDef) -> frozenset[str]:
    """Names that a function binds: parameters and targets, without those of functions inside it."""
    arguments = function.args
    found = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    return frozenset(found | set(_stored(_own_nodes(function))))


def _stored(nodes: Iterable[ast.AST]) -> list[str]:
    """The names that are assigned among these nodes."""
    return [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            yield from _own_nodes(child)


def _siblings(function: ast.FunctionDef) -> dict[str, frozenset[str]]:
    """For each name that is unpacked from a tuple, the others."""
    found: dict[str, frozenset[str]] = {}
    for node in _own_nodes(function):
        if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Store):
            names = frozenset(entry.id for entry in node.elts if isinstance(entry, ast.Name)) - {"_"}
            found |= {one: found.get(one, frozenset()) | (names - {one}) for one in names}
    return found


def _once(statement: ast.stmt, parent: ast.AST) -> frozenset[str]:
    """The name that a statement assigns, if it is the first to do so in its function: to drop it would only raise."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return frozenset()
    mine = statement.targets[0].id
    before = getattr(parent, "args", None)
    if before is not None and any(a.arg == mine for a in before.args):
        return frozenset()
    earlier = [s for s in getattr(parent, "body", []) if s.lineno < statement.lineno]
    stored = {name for s in earlier for name in _stored(ast.walk(s))}
    top = isinstance(parent, ast.FunctionDef)
    return frozenset({mine}) if top and mine not in stored else frozenset()
