"""The target "reference": the scan compiled by numba, or interpreted for objects."""

import sys
from collections.abc import Sequence
from functools import cache

import numpy as np

from refseq.arrays import DTYPES, name_of
from refseq.cell import Cell
from refseq.scan import build_scan
from refseq.targets.base import Job, Kernels, ScanTarget
from refseq.targets.digest import compiled_and_cached, name_for_cache, source_digest
from refseq.team import ALONE


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
    """Runs the scan on one thread of the CPU, as plain as it is written."""

    name, dtypes = "reference", DTYPES

    def missing(self) -> str | None:
        """None: a CPU is always there."""
        return None

    def describe(self) -> str:
        """Number of threads."""
        return "1 thread"

    def _run(self, cell: Cell, jobs: Sequence[Job], results: tuple[np.ndarray, ...]) -> None:
        """The loops write into the arrays of the jobs themselves, ``results`` among them."""
        run = kernels(cell, name_of(results[0].dtype))
        for job in jobs:
            getattr(run, job.loop)(0, job.pieces, *job.arguments)


REFERENCE = HostTarget()
