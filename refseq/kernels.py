"""Plain functions over arrays, compiled once for each dtype and cached on disk; for objects they run as they are.

What numba's disk cache must know and must not share is told in ``refseq.targets.digest``: the source of everything that
a kernel is made of is part of its key, and its name is its own.
"""

import hashlib
import uuid
from collections.abc import Callable
from functools import cache

from numba.core import config

from refseq.targets.digest import compiled_and_cached, name_for_cache
from refseq.targets.sources import file_of, sources

SESSION = uuid.uuid4().hex


@cache
def compiled(body: Callable, dtype: str, *parts: Callable) -> Callable:
    """The function ``body``, which numba can compile, for arrays of this dtype; it returns nothing.

    ``parts`` are the functions that body was made of and does not import.
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
    """A digest of the functions' names and of all source that they are made of (``refseq.targets.sources``)."""
    names = [f"{function.__module__}.{function.__qualname__}" for function in functions]
    modules = [function.__module__ for function in functions]
    # what was typed in an interactive session has no source to compare: it is known in this process alone
    unknown = [SESSION] if any(file_of(module) is None for module in modules) else []
    texts = [*names, *sources(*modules), *unknown]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def on_vectors(dtype: str, target: str = "cpu") -> bool:
    """Whether functions of this precision run on SIMD vectors (``refseq.engine``): on the target "cpu", unless numba
    compiles nothing."""
    return target == "cpu" and dtype in ("float32", "float64") and not getattr(config, "DISABLE_JIT", 0)
