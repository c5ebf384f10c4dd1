"""Kernels that only move numbers: fill with 0, copy between any strides, take the last states of rows."""

import inspect
import math
import sys
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np

from cuda_kernels import gpu
from cuda_kernels.gpu import device, thread, threads
from refseq.primitives import zero
from refseq.targets.digest import name_for_cache


@dataclass(frozen=True)
class Memory:
    """clear(x): x (N,) = 0.    last(s, lengths, start, final): final[d, b] = s[d, lengths[b] - start, b], within the
    n + 1 states s (D, n+1, B, S, H) of a piece of time that begins at ``start``.
    move(shape, to, strides, source, along): the entries of an array of four axes in flat memory, copied to another; the
    strides of both count entries."""

    clear: Any
    last: Any
    move: Any


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

    def move(shape, to, strides, source, along):
        _ = key
        h = device.blockIdx.y
        while h < shape[0]:
            i = device.blockIdx.x
            while i < shape[1]:
                for j in range(shape[2]):
                    target = h * strides[0] + i * strides[1] + j * strides[2]
                    origin = h * along[0] + i * along[1] + j * along[2]
                    k = thread()
                    while k < shape[3]:
                        to[target + k * strides[3]] = source[origin + k * along[3]]
                        k += threads()
                i += device.gridDim.x
            h += device.gridDim.y

    return Memory(*(gpu.jit(cache=True)(name_for_cache(f, dtype, key)) for f in (clear, last, move)))


def move(
    machine: Any, shape: tuple[int, ...], to: Any, strides: tuple[int, ...], source: Any, along: tuple[int, ...]
) -> None:
    """Launch ``Memory.move`` for arrays of at most four axes; the first axes that are missing have length 1."""
    if 0 in shape:
        return
    fill = 4 - len(shape)
    whole, strides, along = (1,) * fill + shape, (0,) * fill + strides, (0,) * fill + along
    kernel = kernels(str(np.dtype(to.dtype))).move
    machine.launch(kernel, (whole[1], whole[0]), whole[3], whole, to, strides, source, along)


def strides_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of an array whose entries follow one another, counted in entries."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
