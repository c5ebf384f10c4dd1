"""Steps of an optimiser as a kernel: a thread takes an entry. The rule is that of ``refseq.optimisers``."""

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from cuda_kernels import gpu
from cuda_kernels.digest import digest
from cuda_kernels.gpu import device, thread, threads
from cuda_kernels.machine import MOST_THREADS, Machine
from refseq.kernels import source_key
from refseq.targets.digest import name_for_cache


@cache
def kernel(rule: Callable, buffers: int, build: Callable, dtype: str) -> Any:
    """update(p, g, s, h, p1, s1) for arrays (N,) and buffers (S, N), compiled on its first launch; p1 and s1 may be
    p and s. ``build`` makes the loop of a rule."""
    update_entries = build(rule, buffers)
    key = digest(gpu, sys.modules[__name__], source_key(rule, build), rule.__name__, str(buffers))

    # `key` is captured so that it is part of numba's cache key
    def update(p, g, s, h, p1, s1):
        _ = key
        j = device.blockIdx.x * threads() + thread()
        while j < p.shape[0]:
            k = j + 1
            update_entries(p[j:k], g[j:k], s[:, j:k], h, p1[j:k], s1[:, j:k])
            j += device.gridDim.x * threads()

    return gpu.jit(cache=True)(name_for_cache(update, dtype, key))


def run_updates(
    machine: Machine,
    rule: Callable,
    buffers: int,
    build: Callable,
    rates: Sequence[float],
    updates: Sequence[tuple[np.ndarray, ...]],
) -> None:
    """As ``refseq.optimisers.updates.run_updates``."""
    dtype = updates[0][0].dtype
    function, h = kernel(rule, buffers, build, str(dtype)), tuple(dtype.type(rate) for rate in rates)
    for p, g, s, p1, s1 in updates:
        if not p.size:
            continue
        parameters, gradient = machine.send(p.reshape(-1)), machine.send(g.reshape(-1))
        own = machine.send(s.reshape(buffers, p.size))
        made, kept = machine.over(p1, parameters), machine.over(s1, own)
        pieces = (-(-p.size // MOST_THREADS),)
        machine.launch(function, pieces, None, parameters, gradient, own, h, made, kept)
        machine.deliver(p1, made)
        machine.deliver(s1, kept)
