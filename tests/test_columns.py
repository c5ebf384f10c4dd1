"""Tuples out of a matrix's column and back: compiled, interpreted, empty."""

import numba
import numpy as np
import pytest

from refseq.columns import gather, scatter, scatter_add

VALUES = np.arange(12.0).reshape(4, 3)


@numba.njit
def _move(matrix, target, rows, some, others):
    values = gather(matrix, 1, rows)
    scatter(target, 2, some, values, ())
    scatter_add(target, 0, others, values, some)
    return values


@pytest.mark.parametrize("move", [_move, _move.py_func], ids=["numba", "python"])
@pytest.mark.parametrize(
    ("rows", "some", "others"),
    [((0, 2), (1, 3), ()), ((3,), (), (2,)), ((1, 2, 3), (3,), (0, 2)), ((1, 1, 3), (0, 1, 2), ()), ((), (), ())],
)
def test_a_column_goes_through_a_tuple(move, rows, some, others):
    """The first values to some rows, those that follow are added to others."""
    target = np.ones((4, 3))
    values = move(VALUES, target, rows, some, others)
    assert tuple(values) == tuple(VALUES[list(rows), 1])
    expected = np.ones((4, 3))
    expected[list(some), 2] = values[: len(some)]
    expected[list(others), 0] += values[len(some) :]
    assert np.array_equal(target, expected)
