"""Work on all entries of several arrays, in blocks of BLOCK entries that are shared between threads.

A job is a table of 64-bit integers: HEAD words, then one line for each array. Which thread takes a block changes
nothing: a function of entries has one result for each, and a sum over entries has one part for each block.
"""

from collections.abc import Callable, Sequence

import numpy as np

from refseq.engine import threads
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.memory import word
from refseq.engine.workspace import address

BLOCK = 4096
WORTH_A_THREAD = 8 * BLOCK
"""Entries below which waking threads costs more than it saves."""
LINES, WIDTH, BLOCKS, PARTS, OWN = range(5)
"""Words of a job: how many lines of how many words, blocks of all arrays, parts, and one that the function knows."""
HEAD = 8
BEGIN, COUNT, FIRST = range(3)
"""Words of a line: the number of the array's first block, its entries, and its addresses from here on."""


def function_of_blocks(name: str, body: Callable, dtype: str, *more: str) -> CFunction:
    """The C function (job, part) that calls body(job, line, first, last) for entries first <= j < last of arrays;
    ``first`` is a multiple of BLOCK."""

    def function(job, part):
        blocks, parts, table = word(job, BLOCKS), word(job, PARTS), job + 8 * HEAD
        low, high = part * blocks // parts, (part + 1) * blocks // parts
        for k in range(word(job, LINES)):
            line = table + 8 * k * word(job, WIDTH)
            begin = word(line, BEGIN)
            first, last = max(low - begin, 0) * BLOCK, min((high - begin) * BLOCK, word(line, COUNT))
            if first < last:
                body(job, line, first, last)

    function.__name__ = name
    return compiled_c(function, 2, dtype, *more)


def blocks_of(count: int) -> int:
    """How many blocks an array of so many entries has."""
    return -(-count // BLOCK)


def run_blocks(function: CFunction, own: int, lines: Sequence[Sequence[int]]) -> None:
    """Run a function for arrays given by lines (entries, addresses ...); ``own``: its own word."""
    lines = [line for line in lines if line[0]]
    if not lines:
        return
    counts = [line[0] for line in lines]
    begins = np.cumsum([0, *(blocks_of(count) for count in counts)])
    parts = threads.count() if sum(counts) >= WORTH_A_THREAD else 1
    width = 1 + len(lines[0])
    head = [len(lines), width, int(begins[-1]), min(parts, int(begins[-1])), own, *[0] * (HEAD - OWN - 1)]
    table = [word for begin, line in zip(begins.tolist(), lines, strict=False) for word in (begin, *line)]
    job = np.array(head + table, np.int64)
    threads.share(function, head[PARTS], address(job))
