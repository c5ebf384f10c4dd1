"""Matrix products on packed operands, compiled once for each precision: C functions that take addresses.

    add_product(A, lda, M, K, B, C, ldc, V)        C[m, :] += sum_k A[m, k] B[k, :]     the step's affine maps
    add_turned(A, M, K, B, C, ldc, V)              C[m, :] += sum_k A[k, m] B[k, :]     gradients of the matrices

B is packed in panels of ``WIDE`` vectors (the last may have one): panel after panel, each with its K rows. V counts
the vectors of a row of C. The turned A is packed in bands of ``BAND`` rows m: band after band, each with its K rows.
Sizes are blocked so that a panel's part of BLOCK rows stays in the first cache while a band of rows passes it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from refseq.engine import vector
from refseq.engine.compiling import compiled_c
from refseq.engine.memory import keep_apart
from refseq.engine.tile import FEW, ROWS, WIDE, most_rows, tiles

BAND = 4 * ROWS
BLOCK = {4: 256, 8: 128}
"""Rows of a panel that are worked on at a time, by the bytes of a float."""


@dataclass(frozen=True)
class Products:
    """The addresses of the compiled functions, for ``refseq.engine.memory.caller``."""

    add_product: Any
    add_turned: Any


@cache
def products(dtype: str) -> Products:
    """The products in this precision."""
    element = vector.element_of(dtype)
    size, lanes = np.dtype(dtype).itemsize, vector.lanes(dtype)
    panel, block, few, rows, band = WIDE * lanes, BLOCK[size], FEW, ROWS, BAND
    wide, narrow = tiles(element, WIDE, ROWS), tiles(element, 1, ROWS)
    most_of_four, most_of_two = min(few, most_rows(4)), min(few, most_rows(2))
    four, two = tiles(element, WIDE, most_of_four, 4), tiles(element, WIDE, most_of_two, 2)
    turned_wide, turned_narrow = tiles(element, WIDE, ROWS, turned=True), tiles(element, 1, ROWS, turned=True)

    def add_product(A, lda, M, K, B, C, ldc, V):
        keep_apart()
        panels = V // 2
        if 0 < M <= few:  # a tile has at least one row
            p = 0
            while p + 4 <= panels and most_of_four >= M:
                four(M, A, lda, K, B + p * K * panel * size, K * panel, C + p * panel * size, ldc)
                p += 4
            while p + 2 <= panels and most_of_two >= M:
                two(M, A, lda, K, B + p * K * panel * size, K * panel, C + p * panel * size, ldc)
                p += 2
            while p < panels:
                wide(M, A, lda, K, B + p * K * panel * size, 0, C + p * panel * size, ldc)
                p += 1
            if V % 2:
                narrow(M, A, lda, K, B + p * K * panel * size, 0, C + p * panel * size, ldc)
            return
        first = 0
        bands = (M + band - 1) // band
        for i in range(bands):
            height = (M - first + bands - i - 1) // (bands - i)
            k = 0
            while k < K:
                depth = min(block, K - k)
                for p in range((V + 1) // 2):
                    columns = panel if p < panels else panel // 2
                    right = B + (p * K * panel + k * columns) * size
                    r = first
                    count = (height + rows - 1) // rows
                    for j in range(count):
                        m = (first + height - r + count - j - 1) // (count - j)
                        left, out = A + (r * lda + k) * size, C + (r * ldc + p * panel) * size
                        if most_of_two >= m and p | 1 < panels:
                            if p % 2 == 0:  # and the next panel
                                two(m, left, lda, depth, right, K * panel, out, ldc)
                        elif p < panels:
                            wide(m, left, lda, depth, right, 0, out, ldc)
                        else:
                            narrow(m, left, lda, depth, right, 0, out, ldc)
                        r += m
                k += depth
            first += height

    def add_turned(A, M, K, B, C, ldc, V):
        keep_apart()
        panels = V // 2
        first = 0
        while first < M:
            height = min(band, M - first)
            count = (height + rows - 1) // rows
            for p in range((V + 1) // 2):
                right = B + p * K * panel * size
                r = 0
                for j in range(count):
                    m = (height - r + count - j - 1) // (count - j)
                    left, out = A + (first * K + r) * size, C + ((first + r) * ldc + p * panel) * size
                    if p < panels:
                        turned_wide(m, left, band, K, right, 0, out, ldc)
                    else:
                        turned_narrow(m, left, band, K, right, 0, out, ldc)
                    r += m
            first += height

    return Products(compiled_c(add_product, 8, dtype), compiled_c(add_turned, 7, dtype))
