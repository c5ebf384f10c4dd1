"""The targets "reference" and "cpu": the scan compiled by numba, or interpreted for objects."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import numba
import numpy as np

from refseq.arrays import DTYPES
from refseq.cell import Cell
from refseq.scan import build_scan
from refseq.targets.base import Job, Kernels, ScanTarget
from refseq.targets.digest import compiled_and_cached, name_for_cache, source_digest
from refseq.team import ALONE

WORTH_A_THREAD = 200_000
"""Multiply-adds below which starting threads costs more than it saves (about 0.1 ms on one core)."""


@cache
def kernels(cell: Cell, dtype: str) -> Kernels:
    """The three loops of a cell for the pieces first <= k < last, compiled, or as plain Python for objects."""
    scan = build_scan(cell, ALONE)
    forward_row, backward_row, gradient_row = scan.forward_row, scan.backward_row, scan.gradient_row
    key = source_digest(cell, sys.modules[__name__])

    # `key` is captured so that it is part of numba's cache key
    def forward(first, last, start, stop, M, bias, p, m, x, lengths, reverse, s, tape, y, a):
        _ = key
        for b in range(first, last):
            forward_row(b, start, stop, M, bias, p, m, x, lengths, reverse, s, tape, y, a)

    def backward(first, last, start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, d0, dv, da, dx, dp):
        _ = key
        for b in range(first, last):
            backward_row(b, start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, d0, dv, da, dx, dp)

    def gradient(first, last, start, stop, x, lengths, reverse, s, tape, da, dM, db):
        _ = key
        for k in range(first, last):
            gradient_row(k, start, stop, x, lengths, reverse, s, tape, da, dM, db)

    loops = (forward, backward, gradient)
    return Kernels(*loops if dtype == "object" else (compiled_and_cached(name_for_cache(f, dtype, key)) for f in loops))


class HostTarget(ScanTarget):
    """Runs the scan on the CPU; with threads, rows (and rows of gradients) are shared between them."""

    def __init__(self, name: str, dtypes: tuple[str, ...], threaded: bool) -> None:
        self.name, self.dtypes, self._threaded = name, dtypes, threaded

    def missing(self) -> str | None:
        """None: a CPU is always there."""
        return None

    def describe(self) -> str:
        """Number of threads."""
        threads = numba.get_num_threads() if self._threaded else 1
        return f"{threads} thread{'s' if threads > 1 else ''}"

    def _run(self, cell: Cell, jobs: Sequence[Job], results: tuple[np.ndarray, ...]) -> None:
        """The loops write into the arrays of the jobs themselves, ``results`` among them."""
        run = kernels(cell, str(results[0].dtype))
        for job in jobs:
            self._share(getattr(run, job.loop), job)

    def _share(self, function: Callable, job: Job) -> None:
        """Run every piece; pieces are independent, so the result is the same for any number of threads."""
        threads = min(numba.get_num_threads(), job.pieces) if self._threaded and job.work > WORTH_A_THREAD else 1
        if threads <= 1:
            function(0, job.pieces, *job.arguments)
            return
        function(0, 0, *job.arguments)  # compile once, before the threads start
        bounds = [job.pieces * i // threads for i in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            futures = [pool.submit(function, lo, hi, *job.arguments) for lo, hi in pairwise(bounds)]
            for future in futures:
                future.result()


REFERENCE = HostTarget("reference", DTYPES, threaded=False)
CPU = HostTarget("cpu", ("float32", "float64"), threaded=True)
