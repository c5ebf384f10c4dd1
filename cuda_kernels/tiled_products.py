"""What the tiled kernels of ``cuda_kernels.products`` multiply: where entries come from, where sums begin and go.

Each function takes the tuple ``given`` of its kernel, which begins with the result, and an entry's place: i or n the
row, k the column of the result, q the term of the sum.
"""

from collections.abc import Callable

import numpy as np
from numba.extending import register_jitable

from cuda_kernels.tiles import Tiles, build_loader, build_multiply, build_sweep

NOTHING, PRESENT = -1, -2
"""In place of a row of the bias: begin with 0, or with what is there."""


@register_jitable
def _input(given, i, q):
    x, times = given
    return x[times[i], 0, q]


@register_jitable
def _operand(given, i, q):
    v, vector, places, shift = given
    return v[places[q] + shift, vector, i]


@register_jitable
def _weight(given, k, q):
    M, gate = given
    return M[q, gate, k]


@register_jitable
def _weight_across(given, k, q):
    M, gate = given
    return M[k, gate, q]


@register_jitable
def _cotangent(given, k, q):
    da, rows, slot = given
    return da[rows[q], slot, k]


@register_jitable
def _cotangent_across(given, i, q):
    da, rows, slot = given
    return da[rows[i], slot, q]


def build_project(size: Tiles, none: np.floating) -> Callable:
    """The sweep of ``project``: one block of the matrix."""
    loaders = build_loader(size, _input, True, none), build_loader(size, _weight, False, none)
    multiply = build_multiply(size, *loaders)

    @register_jitable
    def place(given, n, k):
        rows, line = given[5], given[6]
        return rows[n], line[2], k

    @register_jitable
    def begin(given, n, k):
        bias, line = given[2], given[6]
        if line[3] >= 0:
            return bias[line[3], k]
        return given[0][place(given, n, k)] if line[3] == PRESENT else none

    @register_jitable
    def add(left, right, sums, me, row, column, given):
        _a, M, _bias, x, times, rows, line = given
        L, R = (x, times), (M, line[1])
        multiply(left, right, sums, me, row, column, rows.shape[0], M.shape[2], M.shape[0], L, R)

    return build_sweep(size, none, place, add, begin)


def build_pull(size: Tiles, none: np.floating) -> Callable:
    """The sweep of ``pull``: the blocks of a matrix one after another."""
    loaders = build_loader(size, _cotangent_across, True, none), build_loader(size, _weight_across, True, none)
    multiply = build_multiply(size, *loaders)

    @register_jitable
    def place(given, n, k):
        return given[3][n], 0, k

    @register_jitable
    def add(left, right, sums, me, row, column, given):
        _dx, M, da, _times, rows, gates, slots = given
        for g in range(gates.shape[0]):
            L, R = (da, rows, slots[g]), (M, gates[g])
            multiply(left, right, sums, me, row, column, rows.shape[0], M.shape[0], M.shape[2], L, R)

    return build_sweep(size, none, place, add)


def build_outer(size: Tiles, none: np.floating) -> Callable:
    """The sweep of ``outer``: one block of the matrix."""
    loaders = build_loader(size, _operand, False, none), build_loader(size, _cotangent, False, none)
    multiply = build_multiply(size, *loaders)

    @register_jitable
    def place(given, n, k):
        return n, given[7][1], k

    @register_jitable
    def add(left, right, sums, me, row, column, given):
        dM, v, vector, places, shift, da, rows, line = given
        L, R = (v, vector, places, shift), (da, rows, line[2])
        multiply(left, right, sums, me, row, column, dM.shape[0], dM.shape[2], rows.shape[0], L, R)

    return build_sweep(size, none, place, add)
