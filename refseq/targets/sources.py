"""The source of which a compiled function is made: the file of its module, and of all that is imported from there on.

Libraries are not followed: what numba's own cache has of them in its key is enough.
"""

import ast
import importlib.util
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

OURS = "refseq"


def sources(*modules: str) -> list[str]:
    """The texts of these modules and of what they import, in the order of the modules' names."""
    return [path.read_text() for path in map(file_of, sorted(behind(modules))) if path is not None]


def behind(modules: Iterable[str]) -> set[str]:
    """The names of these modules, and of what they import, directly or not, of refseq, of their own packages and of the
    files beside them."""
    waiting, found = list(modules), set[str]()
    packages = {OURS, *(name.partition(".")[0] for name in waiting)}
    folders = {path.parent for path in map(file_of, waiting) if path is not None}

    def ours(name: str) -> bool:
        path = None if name.partition(".")[0] in packages else file_of(name)
        return name.partition(".")[0] in packages or (path is not None and path.parent in folders)

    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += filter(ours, _imports(name))
    return found


@cache
def _imports(module: str) -> tuple[str, ...]:
    """What a module's file imports, wherever in it; of ``from package import name`` the module of that name if it is
    one, else the package itself."""
    path = file_of(module)
    if path is None:
        return ()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package or None)
            found += [f"{base}.{name.name}" if file_of(f"{base}.{name.name}") else base for name in node.names]
    return tuple(dict.fromkeys(found))


@cache
def file_of(module: str) -> Path | None:
    """The file of a module; None for what has none: a name that is no module, a built-in, an interactive session."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded is not None:
        return Path(loaded)
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):  # its parent is no package; it was not imported from a file
        return None
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None
