"""A mutant put in the place of the code it was made of, in a process that is thrown away afterwards.

Most functions are called only after refseq was imported: their code object is exchanged, so that everybody who holds
the function runs the mutant, and whatever was computed and kept is thrown away (every cache of refseq). What the import
itself runs is imported again, all of refseq, with the mutant's code for its module.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from refseq.mutation.mutants import Mutant, Source

PACKAGE = "refseq"
OURS = tuple(
    f"{PACKAGE}.mutation.{name}"
    for name in ("operators", "sites", "words", "mutants", "fresh", "forks", "modules", "gate")
)
"""Modules that stay as they are when the rest is imported again."""


def path_of(module: str) -> Path:
    """The file of a module of refseq. Raises ValueError for what is none."""
    spec = importlib.util.find_spec(module) if module.split(".", maxsplit=1)[0] == PACKAGE else None
    if spec is None or spec.origin is None:
        raise ValueError(f"module: expected a module of refseq, got {module!r}")
    return Path(spec.origin)


def outermost(code: CodeType) -> str:
    """The function or method in whose body a code object stands: ``build`` of ``build.<locals>.forward``."""
    return code.co_qualname.split(".<locals>")[0]


def called_by_import() -> set[tuple[str, str]]:
    """(file, function) of all that runs when refseq is imported. The modules of this process are not touched."""
    kept, called = _taken_out(), set()

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call" and f"/{PACKAGE}/" in frame.f_code.co_filename:
            called.add((frame.f_code.co_filename, outermost(frame.f_code)))

    sys.setprofile(note)
    try:
        for name in kept:
            importlib.import_module(name)
    finally:
        sys.setprofile(None)
        _taken_out()
        sys.modules.update(kept)
    return called


def _taken_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.split(".")[0] == PACKAGE and not name.startswith(OURS)]
    return {name: sys.modules.pop(name) for name in names}


def apply(mutant: Mutant, source: Source, called: set[tuple[str, str]]) -> None:
    """Make this process run the mutant; ``called`` is what ``called_by_import`` found. It cannot be undone. Whoever
    kept results of refseq's functions has to forget them: see ``caches``."""
    code = source.code(mutant)
    if not _exchange(mutant.module, code, mutant.function, called):
        import_again(mutant.module, code)


def _exchange(module: str, code: CodeType, function: str, called: set[tuple[str, str]]) -> bool:
    """Give the outermost function that contains ``function`` its mutated code; False where that is not enough."""
    for inner in _codes(code):
        own = inner.co_qualname
        if "<" not in own and (function == own or function.startswith(f"{own}.")) and inner.co_name[0] != "<":
            live = _live(sys.modules[module], own)
            if live is None or (inner.co_filename, own) in called:
                return False
            if inner.co_freevars != live.__code__.co_freevars:
                return False
            live.__code__ = inner
            return True
    return False


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Code objects of functions and of methods of classes, outermost first."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            if constant.co_name[0].isupper():  # a class
                yield from _codes(constant)


def _live(module: ModuleType, qualname: str) -> FunctionType | None:
    """The function object of this name, from inside of properties and caches."""
    found: Any = module
    for part in qualname.split("."):
        found = vars(found).get(part)
        if found is None:
            return None
    for inside in ("fget", "func", "__wrapped__", "__func__"):
        found = getattr(found, inside, found)
    return found if isinstance(found, FunctionType) else None


def caches() -> list[Callable[[], None]]:
    """What makes every function of refseq that keeps its results forget them."""
    found = []
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == PACKAGE and not name.startswith(OURS):
            wrapped = [value for value in vars(module).values() if isinstance(value, FUNCTOOLS)]
            found += [value.cache_clear for value in wrapped]
    return found


FUNCTOOLS = type(cache(lambda: None))


def import_again(module: str, code: CodeType) -> None:
    """Take all of refseq out and import it with this code for one module."""
    names = list(_taken_out())
    sys.meta_path.insert(0, Finder(module, code))
    for name in names:
        importlib.import_module(name)


class Finder(MetaPathFinder, Loader):
    """Finds one module, whose code is given."""

    def __init__(self, module: str, code: CodeType) -> None:
        self._module, self._code = module, code

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """See MetaPathFinder."""
        if fullname != self._module:
            return None
        found = importlib.util.spec_from_file_location(fullname, self._code.co_filename)
        assert found is not None
        found.loader = self
        return found

    def exec_module(self, module: ModuleType) -> None:
        """See Loader."""
        exec(self._code, vars(module))
