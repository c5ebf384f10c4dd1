"""The loop of an optimiser's rule over many arrays, on SIMD vectors and shared between threads."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numba.extending import register_jitable

from refseq.arrays import name_of
from refseq.columns import gather
from refseq.engine import blocks, vector
from refseq.engine.compiling import CFunction
from refseq.engine.entries import entries_of
from refseq.engine.memory import word
from refseq.engine.vector_lanes import vector_lanes
from refseq.engine.workspace import address
from refseq.kernels import source_key
from refseq.lanes import Lanes

P, G, S, P1, S1 = range(blocks.FIRST, blocks.FIRST + 5)


@cache
def update_function(
    rule: Callable, buffers: int, rates: int, build: Callable[[Callable, int, Lanes], Callable], dtype: str
) -> CFunction:
    """The function of blocks that updates arrays: lines of (entries, p, g, s, p1, s1)."""
    element, size, lanes = vector.element_of(dtype), np.dtype(dtype).itemsize, vector.lanes(dtype)
    update, numbers = build(rule, buffers, vector_lanes(dtype)), tuple(range(rates))
    rows = entries_of(element)

    @register_jitable
    def body(job, line, first, last):
        count, start, total = last - first, first * size, word(line, blocks.COUNT)
        h = gather(rows(word(job, blocks.OWN), lanes, lanes), 0, numbers)
        p, g = rows(word(line, P) + start, count, total), rows(word(line, G) + start, count, total)
        s, p1 = rows(word(line, S) + start, count, total), rows(word(line, P1) + start, count, total)
        update(p, g, s, h, p1, rows(word(line, S1) + start, count, total))

    name = f"update_{rule.__name__}"
    return blocks.function_of_blocks(name, body, dtype, source_key(rule, update_function), name)


def run_updates(
    rule: Callable,
    buffers: int,
    build: Callable[[Callable, int, Lanes], Callable],
    rates: Sequence[float],
    updates: Sequence[tuple[np.ndarray, ...]],
) -> None:
    """Fill p1, s1 of every (p, g, s, p1, s1), arrays of one dtype; ``build`` makes the loop of a rule."""
    dtype = updates[0][0].dtype
    h = np.repeat(np.array(rates, dtype), vector.lanes(dtype)).reshape(len(rates), -1)
    function = update_function(rule, buffers, len(rates), build, name_of(dtype))
    lines = [(arrays[0].size, *(address(array) for array in arrays)) for arrays in updates]
    blocks.run_blocks(function, address(h), lines)
