"""One unit's column of a matrix as a tuple, and back: how a cell's scalars meet a step's arrays.

numba cannot index a tuple in a loop when it may be empty or of mixed types, so for it the three functions are unrolled
by the tuple's length, which is part of its type.
"""

from collections.abc import Callable

from numba.extending import overload


def gather(matrix, j, rows):
    """(matrix[k, j] for k in rows), as a tuple."""
    return tuple(matrix[k, j] for k in rows)


def scatter(matrix, j, first, values):
    """matrix[first + k, j] = values[k]."""
    for k, value in enumerate(values):
        matrix[first + k, j] = value


def scatter_add(matrix, j, first, values):
    """matrix[first + k, j] += values[k]."""
    for k, value in enumerate(values):
        matrix[first + k, j] = matrix[first + k, j] + value


@overload(gather)
def _gather(matrix, j, rows):
    items = "".join(f"matrix[rows[{k}], j], " for k in range(len(rows)))
    return _define(f"def implementation(matrix, j, rows):\n    return ({items})")


@overload(scatter)
def _scatter(matrix, j, first, values):
    lines = "".join(f"    matrix[first + {k}, j] = values[{k}]\n" for k in range(len(values)))
    return _define(f"def implementation(matrix, j, first, values):\n{lines}    return None")


@overload(scatter_add)
def _scatter_add(matrix, j, first, values):
    add = "    matrix[first + {0}, j] = matrix[first + {0}, j] + values[{0}]\n"
    lines = "".join(add.format(k) for k in range(len(values)))
    return _define(f"def implementation(matrix, j, first, values):\n{lines}    return None")


def _define(source: str) -> Callable:
    namespace: dict = {}
    exec(source, namespace)
    return namespace["implementation"]
