"""One unit's column of a matrix as a tuple, and back: how a cell's scalars meet a step's arrays.

numba cannot index a tuple in a loop when it may be empty or of mixed types, so for it the three functions are unrolled
by the tuple's length, which is part of its type.
"""

from collections.abc import Callable

from numba.extending import overload


def gather(matrix, j, rows):
    """(matrix[k, j] for k in rows), as a tuple."""
    return tuple(matrix[k, j] for k in rows)


def scatter(matrix, j, rows, values, before):
    """matrix[k, j] = value for k in rows, with the values that follow the first len(before)."""
    for k, value in zip(rows, values[len(before) :], strict=False):
        matrix[k, j] = value


def scatter_add(matrix, j, rows, values, before):
    """matrix[k, j] += value, as in ``scatter``."""
    for k, value in zip(rows, values[len(before) :], strict=False):
        matrix[k, j] = matrix[k, j] + value


@overload(gather)
def _gather(matrix, j, rows):
    items = "".join(f"matrix[rows[{k}], j], " for k in range(len(rows)))
    return _define(f"def implementation(matrix, j, rows):\n    return ({items})")


@overload(scatter)
def _scatter(matrix, j, rows, values, before):
    return _assignments("matrix[rows[{0}], j] = values[{1}]", len(rows), len(before))


@overload(scatter_add)
def _scatter_add(matrix, j, rows, values, before):
    return _assignments("matrix[rows[{0}], j] = matrix[rows[{0}], j] + values[{1}]", len(rows), len(before))


def _assignments(line: str, count: int, before: int) -> Callable:
    lines = "".join(f"    {line.format(k, before + k)}\n" for k in range(count))
    return _define(f"def implementation(matrix, j, rows, values, before):\n{lines}    return None")


def _define(source: str) -> Callable:
    namespace: dict = {}
    exec(source, namespace)
    return namespace["implementation"]
