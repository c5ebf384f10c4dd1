"""Losses of tokens (``refseq.losses.tokens``) as a kernel: a thread takes a token, and goes through its entries.

The formula is that of the host, for one number at a time, in the same order.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from cuda_kernels import gpu
from cuda_kernels.digest import digest
from cuda_kernels.gpu import device, row, thread, threads
from cuda_kernels.machine import Machine
from refseq.kernels import source_key
from refseq.lanes import ONE
from refseq.targets.digest import name_for_cache

LANES = replace(ONE, row=row)
"""One number at a time."""

BLOCK = 64
"""Threads of a block: few, as there are often few tokens."""

ROOM = 2**26
"""Entries of scratch, of which every thread has a row."""


@cache
def kernel(build: Callable, options: tuple, dtype: str) -> Any:
    """token_losses(kind, x, index, y, smoothing, w, scale, q, tokens, dx), compiled on its first launch; arguments as
    in ``refseq.losses.tokens``, q (threads, V) or (1, V) for a loss that does not use it. Tokens that do not count are
    left as they are."""
    token_loss = build(*options, LANES)
    described = [build, *(option for option in options if callable(option))]
    key = digest(gpu, sys.modules[__name__], source_key(*described), repr([o for o in options if not callable(o)]))

    # `key` is captured so that it is part of numba's cache key
    def token_losses(kind, x, index, y, smoothing, w, scale, q, tokens, dx):
        _ = key
        me = device.blockIdx.x * threads() + thread()
        n = me
        while n < index.shape[0]:
            if index[n] >= 0:
                token_loss(n, kind, x, index, y, smoothing, w, scale, q[min(me, q.shape[0] - 1)], tokens, dx)
            n += device.gridDim.x * threads()

    return gpu.jit(cache=True)(name_for_cache(token_losses, dtype, key))


def over_tokens(
    machine: Machine,
    build: Callable,
    options: tuple,
    x: np.ndarray,
    index: np.ndarray,
    y: np.ndarray,
    w: np.ndarray,
    scale: np.ndarray,
    kind: int,
    smoothing: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """As ``refseq.losses.tokens.over_tokens``."""
    count, width = x.shape
    tokens, dx = machine.zeros((count,), x.dtype), machine.zeros(x.shape, x.dtype)
    block = machine.block(BLOCK)
    (blocks,) = machine.grid((-(-min(count, max(ROOM // width, 1)) // block),))
    q = machine.empty((blocks * block if kind else 1, width), x.dtype)
    given = (x, index.astype(np.int64), y, smoothing, w, scale)
    if count:
        function = kernel(build, options, str(x.dtype))
        machine.run(function, (blocks,), block, (kind, *map(machine.send, given), q, tokens, dx))
    return machine.fetch(tokens), machine.fetch(dx)
