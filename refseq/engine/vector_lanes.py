"""``Lanes`` of a SIMD vector, on rows of ``refseq.engine.entries``."""

from functools import cache

import numpy as np
from numba.extending import register_jitable

import refseq.engine.vector_field  # noqa: F401 - teaches the primitives what a vector is
from refseq.engine import entries, lanes, vector
from refseq.engine.entries import shifted
from refseq.engine.memory import loader, storer
from refseq.lanes import Lanes
from refseq.primitives import larger


@cache
def vector_lanes(dtype: str) -> Lanes:
    """The lanes of this precision."""
    element, count, size = vector.element_of(dtype), vector.lanes(dtype), np.dtype(dtype).itemsize
    load, store = loader(element), storer(element)
    lowest = element(-np.inf)

    @register_jitable
    def step():
        return count

    @register_jitable
    def row(rows, n):
        return shifted(rows, n, size)

    @register_jitable
    def entry(row, j):
        return load(entries.address_of(row), j)

    @register_jitable
    def put(row, j, x):
        store(entries.address_of(row), j, x)

    @register_jitable
    def pivot(row):
        most = lanes.spread(lowest)
        for j in range(0, len(row), count):
            most = larger(row[j], most)  # the second one, where an entry is NaN
        top = lanes.largest_entry(most)
        if top == lowest:
            return 0
        m = -1
        for j in range(0, len(row), count):  # to the end: where it is found is nothing that a CPU could guess
            found = lanes.first_equal(row[j], lanes.spread(top))
            m = j + found if (found < count) & (m < 0) else m
        return m

    within = lanes.within

    @register_jitable
    def inside(x, j, n):
        return x if j + count <= n else within(x, j, n)

    return Lanes(step, row, entry, put, lanes.spread, lanes.fold, lanes.apart, inside, lanes.product, lanes.less, pivot)
