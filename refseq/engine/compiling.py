"""Compiled C functions of the engine, kept on disk.

numba's disk cache looks at a function's own file and at a pickle of what it captures; vector intrinsics have random
names, so that no second process would find anything. Here the key is a digest of all source of the engine, and of what
whoever compiles adds to it.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba.core import config, sigutils, types
from numba.core.caching import FunctionCache
from numba.core.ccallback import CFunc

import refseq.symbols  # noqa: F401 - before anything is compiled
from refseq import wholes
from refseq.engine import vector

OPTIONS = {"nopython": True, "error_model": "numpy", "_nrt": False}


class _Cache(FunctionCache):
    """A disk cache whose key is the function's name, which carries a digest."""

    def _index_key(self, sig: Any, codegen: Any) -> tuple:
        return sig, codegen.magic_tuple(), self._py_func.__qualname__


class CFunction(CFunc):
    """A function of 64-bit integers at a fixed ``address``."""

    def enable_caching(self) -> None:
        """Keep the code on disk, unless neither the package's folder nor the user's cache can be written."""
        try:
            self._cache = _Cache(self.__wrapped__)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise


@cache
def _source() -> str:
    """All source of the engine, and of what it calculates with: a function is made of most of it, and a list for each
    would miss a file one day."""
    here, more = Path(__file__).parent, ("lanes", "primitives", "row", "rules")
    files = [*sorted(here.glob("*.py")), *(here.parent / f"{name}.py" for name in more)]
    return "\0".join(path.read_text() for path in files)


def compiled_c(function: Callable, count: int, dtype: str, *more: str) -> CFunction:
    """The function of ``count`` 64-bit integers as a C function. ``more``: what it is made of besides the engine."""
    parts = [_source(), *more, str(vector.register_bytes())]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    function.__qualname__ = function.__name__ = f"{function.__name__}_{dtype}_{digest[:20]}"
    signature = sigutils.normalize_signature(types.void(*[types.int64] * count))
    compiled = CFunction(function, signature, {}, dict(OPTIONS), **wholes.PIPELINE)
    compiled.enable_caching()
    settings: Any = config
    off, settings.DISABLE_JIT = settings.DISABLE_JIT, 0  # the engine has no plain Python that could run instead
    try:
        compiled.compile()
    finally:
        settings.DISABLE_JIT = off
    return compiled
