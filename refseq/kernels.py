"""Plain functions over arrays, compiled once for each dtype and cached on disk; for objects they run as they are.

What numba's disk cache must know and must not share is told in ``refseq.targets.digest``: the source of everything that
a kernel is made of is part of its key, and its name is its own.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

from numba.core import config

from refseq import columns, lanes, linear, primitives, rules, softmax, team, tuples
from refseq.targets.digest import compiled_and_cached, name_for_cache


@cache
def compiled(body: Callable, dtype: str, *parts: Callable) -> Callable:
    """The function ``body``, which numba can compile, for arrays of this dtype; it returns nothing.

    ``parts`` are the functions that body calls from other packages than its own and the modules named here.
    """
    if dtype == "object":
        return body
    key = source_key(body, *parts)

    # `key` is captured so that it is part of numba's cache key
    def run(*arguments):
        _ = key
        body(*arguments)

    run.__name__ = body.__name__
    return compiled_and_cached(name_for_cache(run, dtype, key))


@cache
def source_key(*functions: Callable) -> str:
    """A digest of the functions' names, of the files of their packages and of the modules named here."""
    machinery = (columns, lanes, linear, primitives, rules, softmax, team, tuples, sys.modules[__name__])
    files = {Path(inspect.getfile(module)) for module in machinery}
    for function in functions:
        files |= _package(sys.modules[function.__module__])
    names = [f"{function.__module__}.{function.__qualname__}" for function in functions]
    sources = [path.read_text() for path in sorted(files)]
    return hashlib.sha256("\0".join(names + sources).encode()).hexdigest()


def on_vectors(dtype: str, target: str = "cpu") -> bool:
    """Whether functions of this precision run on SIMD vectors (``refseq.engine``): on the target "cpu", unless numba
    compiles nothing."""
    return target == "cpu" and dtype in ("float32", "float64") and not getattr(config, "DISABLE_JIT", 0)


def _package(module: ModuleType) -> set[Path]:
    """The files of the module's package, as its functions may use those beside it; or its own file if it is in none."""
    path = Path(inspect.getfile(module))
    return set(path.parent.glob("*.py")) if module.__package__ else {path}
