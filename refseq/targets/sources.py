"""The source of which a compiled function is made: the file of its module, and of all that is imported from there on.

Libraries are not followed: what numba's own cache has of them in its key is enough.
"""

import importlib.util
import re
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

    def ours(base: str) -> bool:
        if base.partition(".")[0] in packages:
            return True
        path = None if "." in base or base in sys.builtin_module_names else file_of(base)
        return path is not None and path.parent in folders

    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            for base, name in _imports(module):
                if ours(base):
                    inner = f"{base}.{name}"
                    waiting.append(inner if name and file_of(inner) else base)
    return found


IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]*))", re.MULTILINE
)
"""An import, wherever in a file; a text that looks like one is no harm. Parsing takes ten times as long."""


@cache
def _imports(module: str) -> tuple[tuple[str, str], ...]:
    """What a module's file imports: (package, name) of ``from package import name``, else (module, "")."""
    path = file_of(module)
    if path is None:
        return ()
    above = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found: list[tuple[str, str]] = []
    for source, names, plain in IMPORT.findall(path.read_text().replace("\\\n", " ")):
        words = [word.split() for word in re.sub(r"#.*", "", names or plain).strip("() \t").split(",")]
        listed = [word[0] for word in words if word]
        if plain:
            found += [(name, "") for name in listed]
            continue
        rest, dots = source.lstrip("."), len(source) - len(source.lstrip("."))
        base = ".".join([*above[: len(above) + 1 - dots], *filter(None, [rest])]) if dots else rest
        found += [(base, name) for name in listed]
    return tuple(dict.fromkeys(found))


@cache
def file_of(module: str) -> Path | None:
    """The file of a module; None for what has none: a name that is no module, a built-in, an interactive session."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded is not None:
        return Path(loaded)
    package = module.rpartition(".")[0]
    if package and (file_of(package) or Path()).name != "__init__.py":  # its parent has no modules
        return None
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):  # its parent is no package; it was not imported from a file
        return None
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None
