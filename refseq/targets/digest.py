"""What numba's disk cache must know, and what it must not share.

The cache looks only at the file of the function it compiles: after an edit in the file of a cell, a primitive or a step
it would bring back the old numbers. So a digest of all that source is captured by every compiled function, which makes
it part of the key.

Functions of one name share an index file, and two processes that save to it at the same time can end with one's key on
the other's code. So every function gets a name of its own for each cell, source and dtype: whatever is raced for is
then the same.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from types import ModuleType

import numba

from refseq import cells, scan, wholes
from refseq.cell import Cell
from refseq.targets.sources import sources


@cache
def source_digest(cell: Cell, *modules: ModuleType) -> str:
    """A digest of the cell's options and of all source that the compiled scan of this cell is made of: every file of
    ``refseq.cells``, the modules of the cell's own functions, the scan, and what these import."""
    functions = (function for part in cell.stages for function in (part.forward, part.backward))
    own = {function.__module__ for function in functions if function is not None}
    names = {module.__name__ for module in (cells, scan, *modules)}
    return hashlib.sha256("\0".join([cell.code, *sources(*own, *names)]).encode()).hexdigest()


def name_for_cache(function: Callable, dtype: str, digest: str) -> Callable:
    """The function, renamed so that its index in the cache is its own."""
    function.__qualname__ = f"{function.__name__}_{dtype}_{digest[:20]}"
    return function


def compiled_and_cached(function: Callable, allocates: bool = False) -> Callable:
    """The function, compiled by numba on its first call and kept on disk where that is possible; ``allocates``: it
    makes arrays."""
    options = {"nogil": True, "error_model": "numpy", **({} if allocates else wholes.OPTIONS)}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        return numba.njit(**options)(function)  # neither the package's folder nor the user's cache can be written
