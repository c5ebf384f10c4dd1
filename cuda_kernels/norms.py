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
    products(x, weights, sums)  every lane's sum of x weight
    last(sums, to)              to[0] = the sum of all, one after another, rounded at the end
    """

    squares: Any
    total: Any
    multiply: Any
    bound: Any
    products: Any
    last: Any


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

    @register_jitable
    def product(x, j, a, b):
        return double(x[j]) * a[j]

    lanes_of_squares, lanes, lanes_of_products = (_build_lanes(term) for term in (square, entry, product))

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

    def products(x, weights, sums):
        _ = key
        lanes_of_products(x, weights, None, sums)

    def last(sums, to):
        _ = key
        if device.blockIdx.x + thread() == 0:
            whole = double(0)
            for k in range(sums.shape[0]):
                whole = whole + sums[k]
            to[0] = number(whole)

    functions = (squares, total, multiply, bound, products, last)
    return Norms(*(gpu.jit(cache=True)(name_for_cache(f, dtype, key)) for f in functions))


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
        machine.launch(functions.squares, _pieces(len(sums)), None, machine.send(x.reshape(-1)), a, b, sums)
        for part in machine.read(_fewer(machine, functions, sums)):
            whole += part
    return float(whole)


def weighed(machine: Machine, x: Any, weights: np.ndarray) -> Any:
    """The sum of x (N,) times as many weights of the host, as an array without axes on the device."""
    functions, made = kernels(str(x.dtype)), machine.empty((1,), x.dtype)
    sums = machine.empty((_lanes(len(x)),), np.dtype(float))
    machine.launch(functions.products, _pieces(len(sums)), None, x, machine.send(weights), sums)
    machine.launch(functions.last, (1,), 1, _fewer(machine, functions, sums), made)
    return made.reshape(())


def _fewer(machine: Machine, functions: Norms, sums: Any) -> Any:
    """The same sums, added up until they are few."""
    while len(sums) > FEW:
        fewer = machine.empty((_lanes(len(sums)),), np.dtype(float))
        machine.launch(functions.total, _pieces(len(fewer)), None, sums, fewer)
        sums = fewer
    return sums


def multiply_into(
    machine: Machine, results: Sequence[np.ndarray], arrays: Sequence[np.ndarray], a: float, b: float
) -> None:
    """As ``refseq.engine.norms.multiply_into``."""
    for to, x in zip(results, arrays, strict=True):
        if x.size:
            sent = machine.send(x.reshape(-1))
            made = machine.over(to, sent)
            machine.launch(kernels(str(x.dtype)).multiply, _pieces(x.size), None, sent, a, b, made)
            machine.deliver(to, made)


def bound_into(machine: Machine, results: Sequence[np.ndarray], arrays: Sequence[np.ndarray], limit: float) -> None:
    """As ``refseq.engine.norms.bound_into``."""
    for to, x in zip(results, arrays, strict=True):
        if x.size:
            sent, most = machine.send(x.reshape(-1)), x.dtype.type(limit)
            made = machine.over(to, sent)
            machine.launch(kernels(str(x.dtype)).bound, _pieces(x.size), None, sent, most, made)
            machine.deliver(to, made)
