"""The source digest that belongs into every compiled function's cache key.

numba's disk cache looks only at the file of the function it compiles: after an edit in the file of a cell, a primitive
or a step it would bring back the old numbers.
"""

import hashlib
import inspect
import sys
from functools import cache
from types import ModuleType

from refseq import columns, linear, primitives, scan, step
from refseq.cell import Cell


@cache
def source_digest(cell: Cell, *modules: ModuleType) -> str:
    """A digest of the cell's options and of all source that the compiled scan of this cell is made of."""
    functions = (cell.forward, cell.backward, cell.operand, cell.operand_backward)
    own = {sys.modules[function.__module__] for function in functions if function is not None}
    parts = [cell.label]
    for module in (*sorted(own, key=lambda module: module.__name__), primitives, columns, linear, step, scan, *modules):
        parts.append(inspect.getsource(module))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
