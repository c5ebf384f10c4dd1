"""Sums of squares, and products and bounds of entries, of many arrays: what clipping needs (``refseq.clipping``).

A sum is of double precision, also of float32 numbers. An array is cut into segments of LANES x TERMS entries, of which
every lane adds up TERMS that are LANES apart; their sums are added up likewise until few are left, and these in the
order of their numbers. So it has the same bits for any launch; one after another there are TERMS roundings for every
factor TERMS in the number of entries, and FEW at the end.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable

from cuda_kernels import gpu
from cuda_kernels.digest import digest
from cuda_kernels.gpu import device, thread, threads
from cuda_kernels.machine import MOST_THREADS, Machine
from refseq import primitives, rules
from refseq.primitives import clip, zero
from refseq.targets.digest import name_for_cache

LANES, TERMS = 32, 32
FEW = 1024
"""Sums that the host adds up."""


@dataclass(frozen=True)
class Norms:
    """All but ``bound`` compute in double precision.

    squares(x, a, b, sums)      every lane's sum of (x a b)^2
    total(x, sums)              of x
    multiply(x, a, b, to)       (x a) b, rounded at the end
    bound(x, limit, to)         clip(x, limit)
    """

    squares: Any
    total: Any
    multiply: Any
    bound: Any


def _build_lanes(term: Callable) -> Callable:
    """Every lane's sum of term(x, j, a, b)."""

    @register_jitable
    def lanes(x, a, b, sums):
        n = device.blockIdx.x * threads() + thread()
        while n < sums.shape[0]:
            j = n // LANES * LANES * TERMS + n % LANES
            total = zero(sums[n])
            for _k in range(TERMS):
                if j < x.shape[0]:
                    total = total + term(x, j, a, b)
                j += LANES
            sums[n] = total
            n += device.gridDim.x * threads()

    return lanes


@cache
def kernels(dtype: str) -> Norms:
    """The kernels, compiled on their first launch."""
    double, number = np.float64, np.dtype(dtype).type
    key = digest(gpu, primitives, rules, sys.modules[__name__])

    @register_jitable
    def square(x, j, a, b):
        y = double(x[j]) * a * b
        return y * y

    @register_jitable
    def entry(x, j, a, b):
        return x[j]

    lanes_of_squares, lanes = _build_lanes(square), _build_lanes(entry)

    # `key` is captured so that it is part of numba's cache key
    def squares(x, a, b, sums):
        _ = key
        lanes_of_squares(x, a, b, sums)

    def total(x, sums):
        _ = key
        lanes(x, None, None, sums)

    def multiply(x, a, b, to):
        _ = key
        j = device.blockIdx.x * threads() + thread()
        while j < x.shape[0]:
            to[j] = number(double(x[j]) * a * b)
            j += device.gridDim.x * threads()

    def bound(x, limit, to):
        _ = key
        j = device.blockIdx.x * threads() + thread()
        while j < x.shape[0]:
            to[j] = clip(x[j], limit)
            j += device.gridDim.x * threads()

    return Norms(*(gpu.jit(cache=True)(name_for_cache(f, dtype, key)) for f in (squares, total, multiply, bound)))


def _lanes(count: int) -> int:
    """How many sums so many entries make."""
    return -(-count // (LANES * TERMS)) * LANES


def _pieces(count: int) -> tuple[int]:
    return (-(-count // MOST_THREADS),)


def sum_of_squares(machine: Machine, arrays: Sequence[np.ndarray], a: float, b: float) -> float:
    """As ``refseq.engine.norms.sum_of_squares``."""
    whole = 0.0
    for x in arrays:
        if not x.size:
            continue
        functions, sums = kernels(str(x.dtype)), machine.empty((_lanes(x.size),), np.dtype(float))
        machine.launch(functions.squares, _pieces(len(sums)), None, machine.place(x.reshape(-1)), a, b, sums)
        while len(sums) > FEW:
            fewer = machine.empty((_lanes(len(sums)),), np.dtype(float))
            machine.launch(functions.total, _pieces(len(fewer)), None, sums, fewer)
            sums = fewer
        for part in machine.fetch(sums):
            whole += part
    return float(whole)


def multiply_into(
    machine: Machine, results: Sequence[np.ndarray], arrays: Sequence[np.ndarray], a: float, b: float
) -> None:
    """As ``refseq.engine.norms.multiply_into``."""
    for to, x in zip(results, arrays, strict=True):
        if x.size:
            placed = machine.place(x.reshape(-1))
            machine.launch(kernels(str(x.dtype)).multiply, _pieces(x.size), None, placed, a, b, placed)
            to[...] = machine.fetch(placed).reshape(to.shape)


def bound_into(machine: Machine, results: Sequence[np.ndarray], arrays: Sequence[np.ndarray], limit: float) -> None:
    """As ``refseq.engine.norms.bound_into``."""
    for to, x in zip(results, arrays, strict=True):
        if x.size:
            placed, most = machine.place(x.reshape(-1)), x.dtype.type(limit)
            machine.launch(kernels(str(x.dtype)).bound, _pieces(x.size), None, placed, most, placed)
            to[...] = machine.fetch(placed).reshape(to.shape)
