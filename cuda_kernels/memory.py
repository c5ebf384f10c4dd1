"""Kernels that only move numbers: fill with 0, and take the last states of rows of different length."""

import inspect
import sys
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

from cuda_kernels import gpu
from cuda_kernels.gpu import device, thread, threads
from refseq.primitives import zero
from refseq.targets.digest import name_for_cache


@dataclass(frozen=True)
class Memory:
    """clear(x): x (N,) = 0.    last(s, lengths, start, final): final[d, b] = s[d, lengths[b] - start, b], within the
    n + 1 states s (D, n+1, B, S, H) of a piece of time that begins at ``start``."""

    clear: Any
    last: Any


@cache
def kernels(dtype: str) -> Memory:
    """The kernels, compiled on their first launch."""
    key = sha256("".join(map(inspect.getsource, (gpu, sys.modules[__name__]))).encode()).hexdigest()

    # `key` is captured so that it is part of numba's cache key
    def clear(x):
        _ = key
        j = device.blockIdx.x * threads() + thread()
        while j < x.shape[0]:
            x[j] = zero(x[j])
            j += device.gridDim.x * threads()

    def last(s, lengths, start, final):
        _ = key
        d = device.blockIdx.y
        while d < s.shape[0]:
            b = device.blockIdx.x
            while b < s.shape[2]:
                n = min(max(lengths[b] - start, 0), s.shape[1] - 1)
                for i in range(s.shape[3]):
                    j = thread()
                    while j < s.shape[4]:
                        final[d, b, i, j] = s[d, n, b, i, j]
                        j += threads()
                b += device.gridDim.x
            d += device.gridDim.y

    return Memory(*(gpu.jit(cache=True)(name_for_cache(f, dtype, key)) for f in (clear, last)))
