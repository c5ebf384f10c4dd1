"""Every mutant of a module: where it is, what it changes, and its code.

Mutated is what runs with numba's JIT off and computes: the bodies of functions and lambdas, and the module's numbers.
Left alone: what only refuses wrong input (``raise``, ``assert`` and the ``if`` that guards a raise), text, annotations,
decorators, and numba's overloads, which plain Python does not run.
"""

import ast
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import CodeType

from refseq.mutation.operators import OPERATORS, Context

UNSEEN = {"__repr__", "__str__", "__reduce__", "__post_init__", "describe", "missing"}
"""Methods that compute nothing that a check of numbers could look at."""


@dataclass(frozen=True)
class Mutant:
    """One edit of one statement.

    ``line`` is the line of the file, number ``number``, in which the edited node begins; ``edit`` says what became of
    it, and ``nth`` counts equal edits of one line. ``span``: the lines of the whole statement. ``path`` leads to the
    node, see ``Source.code``.
    """

    module: str
    function: str
    operator: str
    number: int
    line: str
    edit: str
    nth: int
    span: tuple[int, int]
    path: tuple[int, int] = field(repr=False)

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What names the mutant also when lines move: module, function, line, edit, nth."""
        return self.module, self.function, self.line, self.edit, self.nth

    def __str__(self) -> str:
        again = f" (number {self.nth + 1} of this line)" if self.nth else ""
        where = f"{self.module}:{self.number} {self.function or 'module'} [{self.operator}]"
        return f"{where}: {self.line}    {self.edit}{again}"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant. ``oracle``: what killed it, also "raised" (an exception) or "time" (an endless loop);
    None if nothing did. ``case``: on what it was run; ``words``: what was seen there."""

    mutant: Mutant
    oracle: str | None
    case: str | None
    words: str
    seconds: float


TEXT = {"Source", "Schedule"}
"""Calls that are nothing but text."""


@dataclass(frozen=True)
class Site:
    """A node that may be edited, the statement and the function that it stands in, and what surrounds it."""

    node: ast.AST
    statement: ast.stmt
    function: str
    context: Context


class Source:
    """The source of one module."""

    def __init__(self, module: str, path: Path) -> None:
        self.module, self.path = module, path
        text = path.read_text()
        self.tree, self._lines = ast.parse(text, str(path)), text.split("\n")

    @cached_property
    def sites(self) -> list[Site]:
        """Every node that operators look at, in the order of the file."""
        return list(_module_sites(self.tree))

    def mutants(self, operators: Collection[str] = tuple(OPERATORS)) -> Iterator[Mutant]:
        """All mutants; of several that give the same program, one."""
        seen: set[str] = set()
        counts: Counter[tuple[str, str, str]] = Counter()
        for place, site in enumerate(self.sites):
            seen.add(f"{site.statement.lineno} {ast.dump(site.statement)}")
            number = getattr(site.node, "lineno", site.statement.lineno)
            line, span = self._lines[number - 1].strip(), (site.statement.lineno, _last_line(site.statement))
            for operator in OPERATORS:
                for nth_edit, new in enumerate(OPERATORS[operator](site.node, site.context)):
                    with _Replaced(site, new) as changed:
                        program = f"{site.statement.lineno} {ast.dump(changed)}"
                    if program in seen:
                        continue
                    seen.add(program)
                    edit = _edit(site.node, new)
                    nth = counts[site.function, line, edit]
                    counts[site.function, line, edit] += 1
                    if operator in operators:
                        path = (place, nth_edit)
                        yield Mutant(self.module, site.function, operator, number, line, edit, nth, span, path)

    def code(self, mutant: Mutant | None = None) -> CodeType:
        """The module's code, with the mutant's edit."""
        if mutant is None:
            return compile(self.tree, str(self.path), "exec")
        place, nth_edit = mutant.path
        site = self.sites[place]
        new = list(OPERATORS[mutant.operator](site.node, site.context))[nth_edit]
        with _Replaced(site, new):
            return compile(self.tree, str(self.path), "exec")


class _Replaced:
    """While this context is open, ``new`` stands at the site; gives the statement that it then belongs to."""

    def __init__(self, site: Site, new: ast.AST) -> None:
        self._site, self._new = site, new

    def __enter__(self) -> ast.AST:
        node, parent = self._site.node, self._site.context.parent
        if not hasattr(self._new, "lineno"):
            ast.copy_location(self._new, node if hasattr(node, "lineno") else self._site.statement)
        ast.fix_missing_locations(self._new)
        for name, value in ast.iter_fields(parent):
            if value is node:
                self._undo = (parent, name, None)
                setattr(parent, name, self._new)
                break
            if isinstance(value, list) and any(entry is node for entry in value):
                place = next(k for k, entry in enumerate(value) if entry is node)
                self._undo = (parent, name, place)
                value[place] = self._new
                break
        return self._new if self._site.statement is node else self._site.statement

    def __exit__(self, *_: object) -> None:
        parent, name, place = self._undo
        if place is None:
            setattr(parent, name, self._site.node)
        else:
            getattr(parent, name)[place] = self._site.node


SHORT = 60
"""Letters of an edit that are shown before its two sides are cut down to what differs."""


def _edit(old: ast.AST, new: ast.AST) -> str:
    """What became of a node, in words of the program."""
    before, after = _text(old), _text(new)
    if max(len(before), len(after)) > SHORT:
        before, after = _cut(before.split(" "), after.split(" "))
    return f"{before} -> {after}"


def _cut(before: list[str], after: list[str]) -> tuple[str, str]:
    """Two texts without the words that both begin and end with, but for one."""
    start = next((k for k, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(map(len, (before, after))))
    rest = min(len(before), len(after)) - start
    ends = zip(reversed(before), reversed(after), strict=False)
    stop = next((k for k, (a, b) in enumerate(ends) if a != b or k >= rest), rest)
    first = max(start - 1, 0)

    def shown(words: list[str]) -> str:
        last = min(len(words) - stop + 1, len(words))
        return " ".join(["..."] * (first > 0) + words[first:last] + ["..."] * (last < len(words)))

    return shown(before), shown(after)


def _text(node: ast.AST) -> str:
    """A node as one line; of a loop, condition or function what stands before its body, and how its body ends if it is
    left early."""
    if isinstance(node, ast.comprehension):
        return "".join(f" if {ast.unparse(test)}" for test in node.ifs).strip() or "every one"
    text = ast.unparse(node).split("\n")
    if not isinstance(node, ast.stmt) or not hasattr(node, "body"):
        return " ".join(line.strip() for line in text)
    leaves = [type(last).__name__.lower() for last in node.body[-1:] if isinstance(last, (ast.Break, ast.Pass))]  # type: ignore[attr-defined]
    return " ... ".join([text[0], *leaves])


def _last_line(statement: ast.stmt) -> int:
    body = getattr(statement, "body", None)
    return body[0].lineno - 1 if isinstance(body, list) and body[0].lineno > statement.lineno else statement.end_lineno


def _module_sites(tree: ast.Module) -> Iterator[Site]:
    for statement in tree.body:
        yield from _statement_sites(statement, tree, "", frozenset(), {})


def _statement_sites(
    statement: ast.stmt, parent: ast.AST, function: str, bound: frozenset[str], siblings: dict[str, frozenset[str]]
) -> Iterator[Site]:
    """The sites of a statement and of all that it contains."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        if statement.name in UNSEEN or _for_numba(statement):
            return
        own = f"{function}.{statement.name}".lstrip(".")
        if isinstance(statement, ast.FunctionDef):
            bound, siblings = bound | _bound(statement), siblings | _siblings(statement)
        for inner in statement.body:
            yield from _statement_sites(inner, statement, own, bound, siblings)
        return
    if _silent(statement) or (not function and not _computes(statement)):
        return
    yield Site(statement, statement, function, Context(parent, bound - _once(statement, parent), siblings))
    inner = [s for name in ("body", "orelse") for s in getattr(statement, name, []) if isinstance(s, ast.stmt)]
    yield from _expression_sites(statement, statement, function, bound, siblings)
    for child in inner:
        yield from _statement_sites(child, statement, function, bound, siblings)


def _expression_sites(
    node: ast.AST, statement: ast.stmt, function: str, bound: frozenset[str], siblings: dict[str, frozenset[str]]
) -> Iterator[Site]:
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "ctx", "op"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, (ast.stmt, ast.JoinedStr, ast.arguments)):
                continue
            if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in TEXT:
                continue
            yield Site(child, statement, function, Context(node, bound, siblings))
            yield from _expression_sites(child, statement, function, bound, siblings)


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
    words = {node.func.id for node in function.decorator_list if isinstance(node, ast.Call) and _named(node.func)}
    return bool(words & {"overload"}) or function.name in ("typed", "_assignments", "_define", "_unrolled")


def _named(node: ast.expr) -> bool:
    return isinstance(node, ast.Name)


def _bound(function: ast.FunctionDef) -> frozenset[str]:
    """Names that a function binds: parameters and targets, without those of functions inside it."""
    arguments = function.args
    found = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    return frozenset(found | {node.id for node in _own_nodes(function) if _stores(node)})


def _stores(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


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
    stored = {node.id for s in earlier for node in ast.walk(s) if _stores(node)}
    top = isinstance(parent, ast.FunctionDef)
    return frozenset({mine}) if top and mine not in stored else frozenset()
