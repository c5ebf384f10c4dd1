"""Kernels that add up and scale what the directions of a layer, and the rows of a batch, have made."""

import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

from cuda_kernels import gpu
from cuda_kernels.digest import digest
from cuda_kernels.gpu import device, thread, threads
from refseq import primitives
from refseq.primitives import zero
from refseq.targets.digest import name_for_cache


@dataclass(frozen=True)
class Arithmetic:
    """add(x, y): x (N,) += y.    scale(x, factor): x (N,) *= factor.    total(x, sums): sums (D, N) = the sum of
    x (D, B, N) over b, from the first to the last."""

    add: Any
    scale: Any
    total: Any


@cache
def kernels(dtype: str) -> Arithmetic:
    """The kernels, compiled on their first launch."""
    key = digest(gpu, primitives, sys.modules[__name__])

    # `key` is captured so that it is part of numba's cache key
    def add(x, y):
        _ = key
        j = device.blockIdx.x * threads() + thread()
        while j < x.shape[0]:
            x[j] = x[j] + y[j]
            j += device.gridDim.x * threads()

    def scale(x, factor):
        _ = key
        j = device.blockIdx.x * threads() + thread()
        while j < x.shape[0]:
            x[j] = x[j] * factor
            j += device.gridDim.x * threads()

    def total(x, sums):
        _ = key
        d = device.blockIdx.y
        while d < x.shape[0]:
            j = device.blockIdx.x * threads() + thread()
            while j < x.shape[2]:
                whole = zero(sums[d, j])
                for b in range(x.shape[1]):
                    whole = whole + x[d, b, j]
                sums[d, j] = whole
                j += device.gridDim.x * threads()
            d += device.gridDim.y

    return Arithmetic(*(gpu.jit(cache=True)(name_for_cache(f, dtype, key)) for f in (add, scale, total)))
