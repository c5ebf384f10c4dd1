"""The kit of SIMD vectors, on the engine's packed products (``refseq.engine.products``). Its rows are padded to whole
vectors with zeros, and so are the numbers of rows."""

from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable

from refseq.engine import vector
from refseq.engine.calling import caller
from refseq.engine.entries import entries_of
from refseq.engine.memory import address_of_array, strip_of
from refseq.engine.products import BAND, products
from refseq.engine.tile import WIDE
from refseq.engine.transpose import transposing
from refseq.engine.vector_lanes import vector_lanes
from refseq.networks.attention.kit import Kit
from refseq.primitives import zero


@cache
def vector_kit(dtype: str) -> Kit:
    """Of this precision."""
    element, count, size = vector.element_of(dtype), vector.lanes(dtype), np.dtype(dtype).itemsize
    strip, zeros, low, transpose = (
        strip_of(element),
        entries_of(element),
        entries_of(element, -np.inf),
        transposing(element),
    )
    panel, wide, band = WIDE * count, WIDE, BAND
    call_product, call_turned = caller(8), caller(7)

    def width(n: int) -> int:
        return -(-n // count) * count

    def room(*sizes: Any) -> int:
        """Pairs of operands may be needed at once: a turned one beside one by rows."""
        return max(depth * (-(-columns // band) + 1) * band + depth * width(other) for depth, columns, other in sizes)

    def tools() -> np.ndarray:
        made = products(dtype)
        return np.array([made.add_product.address, made.add_turned.address], np.int64)

    @register_jitable
    def whole(matrix):
        return strip(address_of_array(matrix), matrix.shape[1])

    @register_jitable
    def lines(matrix):
        return zeros(address_of_array(matrix), matrix.shape[1], matrix.shape[1])

    @register_jitable
    def score_lines(matrix):
        return low(address_of_array(matrix), matrix.shape[1], matrix.shape[1])

    @register_jitable
    def token(x, t, b):
        """The entries of x[t, b, :]."""
        n = x.shape[2]
        return zeros(address_of_array(x) + (t * x.shape[1] + b) * n * size, n, n)

    @register_jitable
    def clear(matrix, i, lane, lanes):
        rows = whole(matrix)
        for j in range(0, matrix.shape[1], count):
            rows[i, j] = zero(rows[i, j])

    @register_jitable
    def take(matrix, i, x, t, b, lane, lanes):
        rows, given = whole(matrix), token(x, t, b)
        for j in range(0, x.shape[2], count):
            rows[i, j] = given[j]

    @register_jitable
    def put(x, t, b, matrix, i, lane, lanes):
        rows, made = whole(matrix), token(x, t, b)
        for j in range(0, x.shape[2], count):
            made[j] = rows[i, j]

    @register_jitable
    def blank(x, t, b, lane, lanes):
        made = token(x, t, b)
        for j in range(0, x.shape[2], count):
            made[j] = zero(made[j])

    @register_jitable
    def pack_at(start, B, depth):
        """Panels of ``wide`` vectors, the last perhaps of fewer, each with its rows."""
        rows = whole(B)
        for first in range(0, B.shape[1], panel):
            columns = min(panel, B.shape[1] - first)
            packed = strip(start + first * depth * size, columns)
            for k in range(depth):
                for j in range(0, columns, count):
                    packed[k, j] = rows[k, first + j]

    @register_jitable
    def pack(room, B, depth):
        pack_at(address_of_array(room), B, depth)

    @register_jitable
    def add(C, A, B, room, tools, first, last, depth, packed, lane, lanes):
        start, left, out = address_of_array(room), address_of_array(A), address_of_array(C)
        lda, ldc = A.shape[1], C.shape[1]
        left, out, vectors = left + first * lda * size, out + first * ldc * size, ldc // count
        if depth == packed:
            call_product(tools[0], left, lda, last - first, depth, start, out, ldc, vectors)
            return
        for v in range(0, vectors, wide):
            right, place = start + v * count * packed * size, out + v * count * size
            call_product(tools[0], left, lda, last - first, depth, right, place, ldc, min(wide, vectors - v))

    @register_jitable
    def pack_turned(room, B):
        """As ``pack`` of the transposed matrix, square by square."""
        start, given, depth = address_of_array(room), address_of_array(B), B.shape[1]
        for n in range(0, B.shape[0], count):
            first = n // panel * panel
            columns = min(panel, B.shape[0] - first)
            for k in range(0, depth, count):
                source = given + (n * depth + k) * size
                target = start + (first * depth + k * columns + n - first) * size
                transpose(source, depth, target, columns)

    @register_jitable
    def add_by_rows(C, A, B, room, tools, first, last, lane, lanes):
        add(C, A, B, room, tools, first, last, A.shape[1], A.shape[1], lane, lanes)

    @register_jitable
    def pack_panel(packed, B, n):
        rows, first = whole(B), n * panel
        columns = min(panel, B.shape[1] - first)
        made = strip(address_of_array(packed) + first * B.shape[0] * size, columns)
        for k in range(B.shape[0]):
            for j in range(0, columns, count):
                made[k, j] = rows[k, first + j]

    @register_jitable
    def pack_bands(room, A, first, last, depth):
        """Columns of A; how many bands they are."""
        start, rows = address_of_array(room), whole(A)
        bands = (last - first + band - 1) // band
        for number in range(bands):
            begin = first + number * band
            columns = min(band, A.shape[1] - begin)
            made = strip(start + number * band * depth * size, band)
            for k in range(depth):
                for j in range(0, columns, count):
                    made[k, j] = rows[k, begin + j]
        return bands

    @register_jitable
    def add_bands(C, room, packed, tools, first, last, depth):
        start, out, ldc = address_of_array(room), address_of_array(C), C.shape[1]
        call_turned(tools[1], start, last - first, depth, packed, out + first * ldc * size, ldc, ldc // count)

    @register_jitable
    def add_turned(C, A, B, room, tools, first, last, depth, lane, lanes):
        bands = pack_bands(room, A, first, last, depth)
        right = address_of_array(room) + bands * band * depth * size
        pack_at(right, B, depth)
        add_bands(C, room, right, tools, first, last, depth)

    @register_jitable
    def add_turned_to(C, A, B, packed, room, tools, first, last, lane, lanes):
        pack_bands(room, A, first, last, A.shape[0])
        add_bands(C, room, address_of_array(packed), tools, first, last, A.shape[0])

    def panels(columns: int) -> int:
        return -(-columns // panel)

    lanes = vector_lanes(dtype)
    moves = clear, take, put, blank
    products_ = pack, add, pack_turned, add_by_rows, add_turned, panels, pack_panel, add_turned_to
    return Kit(lanes, width, room, tools, whole, lines, score_lines, *moves, *products_)
