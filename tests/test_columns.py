"""Tuples out of a matrix's column and back: compiled, interpreted, empty."""

import numba
import numpy as np
import pytest

from refseq.columns import gather, scatter, scatter_add

VALUES = np.arange(12.0).reshape(4, 3)


@numba.njit
def _move(matrix, target, rows):
    values = gather(matrix, 1, rows)
    scatter(target, 2, 1, values)
    scatter_add(target, 0, 0, values)
    return values


@pytest.mark.parametrize("move", [_move, _move.py_func], ids=["numba", "python"])
@pytest.mark.parametrize("rows", [(0, 2), (3,), (1, 1, 3), ()])
def test_a_column_goes_through_a_tuple(move, rows):
    target = np.ones((4, 3))
    values = move(VALUES, target, rows)
    assert tuple(values) == tuple(VALUES[list(rows), 1])
    expected = np.ones((4, 3))
    expected[1 : 1 + len(rows), 2] = values
    expected[: len(rows), 0] += values
    assert np.array_equal(target, expected)
