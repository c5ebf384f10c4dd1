"""Every mutant of a module: where it is, what it changes, and its code."""

import ast
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import CodeType

from refseq.mutation.operators import OPERATORS
from refseq.mutation.sites import Site, last_line, module_sites
from refseq.mutation.words import edit as words


@dataclass(frozen=True)
class Mutant:
    """One edit of one statement.

    ``line`` is the line of the file, number ``number``, in which the edited node begins; ``edit`` says what became of
    it, and ``nth`` counts equal edits of one line. ``span``: the lines that must be run for the edit to matter.
    ``path`` leads to the node, see ``Source.code``.
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


class Source:
    """The source of one module."""

    def __init__(self, module: str, path: Path) -> None:
        self.module, self.path = module, path
        text = path.read_text()
        self.tree, self._lines = ast.parse(text, str(path)), text.split("\n")

    @cached_property
    def sites(self) -> list[Site]:
        """Every node that operators look at, in the order of the file."""
        return list(module_sites(self.tree))

    def mutants(self, operators: Collection[str] = tuple(OPERATORS)) -> Iterator[Mutant]:
        """All mutants; of several that give the same program, one."""
        seen: set[str] = set()
        counts: Counter[tuple[str, str, str]] = Counter()
        for place, site in enumerate(self.sites):
            seen.add(f"{site.statement.lineno} {ast.dump(site.statement)}")
            number = getattr(site.node, "lineno", site.statement.lineno)
            line, span = self._lines[number - 1].strip(), self._span(site)
            for operator in OPERATORS:
                for nth_edit, new in enumerate(OPERATORS[operator](site.node, site.context)):
                    with _Replaced(site, new) as changed:
                        program = f"{site.statement.lineno} {ast.dump(changed)}"
                    if program in seen:
                        continue
                    seen.add(program)
                    edit = words(site.node, new)
                    nth = counts[site.function, line, edit]
                    counts[site.function, line, edit] += 1
                    if operator in operators:
                        path = (place, nth_edit)
                        yield Mutant(self.module, site.function, operator, number, line, edit, nth, span, path)

    def _span(self, site: Site) -> tuple[int, int]:
        """The lines of a statement; of the whole file for one that the import runs."""
        if not site.imported:
            return site.statement.lineno, last_line(site.statement)
        return 1, len(self._lines)

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
