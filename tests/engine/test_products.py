"""The matrix products against integer arithmetic: entries are small integers, so that floats are exact."""

from functools import cache

import numpy as np
import pytest

from refseq.engine import vector
from refseq.engine.products import BAND, BLOCK, products
from refseq.engine.tile import ROWS, WIDE
from refseq.engine.workspace import address
from tests.engine.compiled import called

DTYPES = ("float32", "float64")
CANARY = 7.25
AROUND = 64
"""Entries before and after an array that must stay as they are."""

M_SIZES = [1, 2, 3, 4, ROWS, ROWS + 1, BAND, BAND + 1, 2 * BAND + 3, 70]
K_SIZES = [1, 2, 3, 4, 5, 7, 31, 128, 255, 256, 257, 300]
V_SIZES = range(1, 10)


class Guarded:
    """A matrix in the middle of memory full of CANARY; rows are ``stride`` entries apart."""

    def __init__(self, matrix: np.ndarray, stride: int) -> None:
        self.rows, self.columns = matrix.shape
        self._all = np.full(2 * AROUND + self.rows * stride, CANARY, matrix.dtype)
        self._rows = self._all[AROUND : AROUND + self.rows * stride].reshape(self.rows, stride)
        self._rows[:, : self.columns] = matrix
        self.address = address(self._all) + AROUND * matrix.itemsize

    @property
    def matrix(self) -> np.ndarray:
        return self._rows[:, : self.columns].copy()

    @property
    def intact(self) -> bool:
        outside = self._all[:AROUND], self._all[-AROUND:], self._rows[:, self.columns :]
        return all((part == CANARY).all() for part in outside)


def panels(B: np.ndarray) -> np.ndarray:
    """B (K, columns) in panels of WIDE vectors, the last of the vectors that are left."""
    wide = WIDE * vector.lanes(B.dtype)
    return np.concatenate([B[:, at : at + wide].reshape(-1) for at in range(0, B.shape[1], wide)])


def bands(A: np.ndarray) -> np.ndarray:
    """A (K, M) in bands of BAND columns, filled up."""
    filled = np.concatenate([A, np.zeros((len(A), -A.shape[1] % BAND), A.dtype)], axis=1)
    return np.concatenate([filled[:, at : at + BAND].reshape(-1) for at in range(0, filled.shape[1], BAND)])


@cache
def integers(rows: int, columns: int, dtype: str, seed: int) -> np.ndarray:
    return np.random.default_rng([rows, columns, seed]).integers(-8, 9, (rows, columns)).astype(dtype)


def cases() -> list[tuple[int, int, int]]:
    """(M, K, V): every size of each with some of the others."""
    rng = np.random.default_rng(0)
    found = {(m, k, v) for m in M_SIZES for k in (1, 5, 257) for v in (1, 2, 5)}
    found |= {(m, k, 3) for m in (1, 3, 4, 33) for k in K_SIZES}
    found |= {(m, 9, v) for m in (1, 2, 3, 5) for v in V_SIZES}
    found |= {(int(rng.integers(1, 71)), int(rng.integers(1, 301)), int(rng.integers(1, 10))) for _ in range(60)}
    return sorted(found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_product_is_exact_and_writes_nothing_else(dtype):
    lanes = vector.lanes(dtype)
    for M, K, V in cases():
        A, B, C = integers(M, K, dtype, 1), integers(K, V * lanes, dtype, 2), integers(M, V * lanes, dtype, 3)
        left, out, packed = Guarded(A, K + 3), Guarded(C, V * lanes + 5), panels(B)
        add_product = products(dtype).add_product
        called(add_product, left.address, K + 3, M, K, address(packed), out.address, V * lanes + 5, V)
        assert np.array_equal(out.matrix, C + A @ B), (M, K, V)
        assert out.intact, (M, K, V)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_turned_product_is_exact_and_writes_nothing_else(dtype):
    lanes = vector.lanes(dtype)
    for M, K, V in [*cases(), (5, 0, 2)]:
        A, B, C = integers(K, M, dtype, 1), integers(K, V * lanes, dtype, 2), integers(M, V * lanes, dtype, 3)
        left, out, packed = bands(A), Guarded(C, V * lanes + 5), panels(B)
        add_turned = products(dtype).add_turned
        called(add_turned, address(left), M, K, address(packed), out.address, V * lanes + 5, V)
        assert np.array_equal(out.matrix, C + A.T @ B), (M, K, V)
        assert out.intact, (M, K, V)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_product_of_no_rows_writes_nothing(dtype):
    K, V = 5, 9
    columns = V * vector.lanes(dtype)
    A, B, C = integers(ROWS, K, dtype, 1), integers(K, columns, dtype, 2), integers(ROWS, columns, dtype, 3).copy()
    called(products(dtype).add_product, address(A), K, 0, K, address(panels(B)), address(C), columns, V)
    assert np.array_equal(C, integers(ROWS, columns, dtype, 3))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bits_of_a_row_do_not_depend_on_the_others(dtype):
    """Tiles of all heights, few rows and many, and cuts of K: each entry is one chain of fused multiply-adds."""
    lanes, rng = vector.lanes(dtype), np.random.default_rng(1)
    K, V = BLOCK[vector.size(dtype)] + 37, 5
    A, B, C = (rng.normal(size=shape).astype(dtype) for shape in ((70, K), (K, V * lanes), (70, V * lanes)))

    def rows(first: int, last: int) -> np.ndarray:
        out, packed, mine = C[first:last].copy(), panels(B), A[first:last].copy()
        called(
            products(dtype).add_product, address(mine), K, last - first, K, address(packed), address(out), V * lanes, V
        )
        return out

    whole = rows(0, 70)
    for height in range(1, 40):
        assert rows(3, 3 + height).tobytes() == whole[3 : 3 + height].tobytes(), height


@pytest.mark.parametrize("dtype", DTYPES)
def test_cuts_of_a_turned_product_change_no_bit(dtype):
    """What one chunk of rows leaves is what the next begins with."""
    lanes, rng = vector.lanes(dtype), np.random.default_rng(2)
    K, M, V = 61, BAND + 7, 3
    A, B, C = (rng.normal(size=shape).astype(dtype) for shape in ((K, M), (K, V * lanes), (M, V * lanes)))

    def in_pieces(*edges: int) -> bytes:
        out = C.copy()
        for first, last in zip((0, *edges), (*edges, K), strict=True):
            left, packed = bands(A[first:last]), panels(B[first:last])
            called(
                products(dtype).add_turned, address(left), M, last - first, address(packed), address(out), V * lanes, V
            )
        return out.tobytes()

    whole = in_pieces()
    assert all(in_pieces(*edges) == whole for edges in ((1,), (30, 31), (4, 8, 59)))


def test_one_fused_rounding_where_the_cpu_has_it():
    """1 + (1 + e)(1 - e) - 1 is exact only if the product is not rounded."""
    if not vector.has_fma():
        pytest.skip("no fused multiply-add")
    lanes, e = vector.lanes("float64"), 2.0**-30
    A, B, C = np.array([[1 + e]]), np.full((1, lanes), 1 - e), np.full((1, lanes), -1.0)
    called(products("float64").add_product, address(A), 1, 1, 1, address(B), address(C), lanes, 1)
    assert np.array_equal(C, np.full((1, lanes), -e * e))
