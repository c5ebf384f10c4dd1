"""``refseq.rowwise`` on the threads of the CPU: whoever is awake takes the next few rows."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba.core import types

from refseq.arrays import name_of
from refseq.engine import threads, vector
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.memory import array_at, word
from refseq.engine.workspace import address

PARTS, ROWS, FIRST = 0, 1, 2
"""Words of a job: numbers, then for every array its address and its shape."""
WORTH_A_THREAD = 1 << 15
"""Operations below which waking threads costs more than it saves."""
PARTS_PER_THREAD = 4
"""Rows may take unequally long: who is early takes another part."""

Kinds = tuple[tuple[str, int], ...]
"""Precision and number of axes of every array."""


def kinds_of(arrays: Sequence[np.ndarray]) -> Kinds:
    """Of these arrays."""
    return tuple((name_of(array.dtype), array.ndim) for array in arrays)


def run_rows(function: CFunction, rows: int, arrays: Sequence[np.ndarray], work: int) -> None:
    """All rows, on contiguous arrays of floats of one precision and of int64, by a function of their kinds."""
    if not rows:
        return
    parts = parts_of(rows, work)
    places = [number for array in arrays for number in (address(array), *array.shape)]
    job = np.array([parts, rows, *places], np.int64)
    threads.share(function, parts, address(job))


def function_of(row: Callable, name: str, key: str, kinds: Kinds, scratch: int = 0) -> CFunction:
    """The C function (job, part) of a share of the rows; ``key`` is a digest of the source of ``row``.

    The last ``scratch`` arrays are a part's own: it has one row, which all rows of the part find in their place.
    """
    namespace: dict[str, Any] = {"row": row, "word": word, "__name__": __name__}
    lines, place, moved = ["def rows(job, part):"], FIRST, ""
    for k, (kind, axes) in enumerate(kinds):
        namespace[f"at{k}"] = array_at(types.int64 if kind == "int64" else vector.element_of(kind))
        shape = "".join(f"word(job, {place + 1 + axis}), " for axis in range(axes))
        if k < len(kinds) - scratch:
            lines.append(f"    a{k} = at{k}(word(job, {place}), ({shape}))")
        else:
            sizes = " * ".join(f"word(job, {place + 1 + axis})" for axis in range(1, axes))
            lines.append(f"    step{k} = {vector.size(kind)} * {sizes}")
            moved += f"        a{k} = at{k}(word(job, {place}) + (part - b) * step{k}, ({shape}))\n"
        place += 1 + axes
    names = "".join(f", a{k}" for k in range(len(kinds)))
    lines += [
        f"    low = part * word(job, {ROWS}) // word(job, {PARTS})",
        f"    high = (part + 1) * word(job, {ROWS}) // word(job, {PARTS})",
        f"    for b in range(low, high):\n{moved}        row(b{names})",
    ]
    exec(compile("\n".join(lines) + "\n", __file__, "exec"), namespace)
    function = namespace["rows"]
    function.__name__ = name
    precision = next((kind for kind, _ in kinds if kind != "int64"), "int64")
    return compiled_c(function, 2, precision, key, name, repr(kinds), str(scratch))


def parts_of(rows: int, work: int) -> int:
    """How many parts rows of so much work are cut into."""
    share = rows * work >= WORTH_A_THREAD and threads.count() > 1
    return min(rows, PARTS_PER_THREAD * threads.count()) if share else min(rows, 1)
