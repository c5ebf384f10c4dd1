"""The targets "reference" and "cpu": the scan compiled by numba, or interpreted for objects."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numba
import numpy as np

from refseq.arrays import DTYPES, zeros
from refseq.cell import Cell
from refseq.scan import build_scan
from refseq.step import ALONE
from refseq.targets import Pulled, Tape, Weights
from refseq.targets.digest import source_digest

WORTH_A_THREAD = 200_000
"""Multiply-adds below which starting threads costs more than it saves (about 0.1 ms on one core)."""


@dataclass(frozen=True)
class Kernels:
    """forward, backward: rows first <= b < last; gradient: rows first <= k < last of dW, dU, db."""

    forward: Callable
    backward: Callable
    gradient: Callable


@cache
def kernels(cell: Cell, compiled: bool) -> Kernels:
    """The three loops of a cell, compiled or as plain Python."""
    scan = build_scan(cell, ALONE)
    forward_row, backward_row, gradient_row = scan.forward_row, scan.backward_row, scan.gradient_row
    key = source_digest(cell, sys.modules[__name__])

    # `key` is captured so that it is part of numba's cache key
    def forward(first, last, W, U, bias, p, x, lengths, reverse, s, tape, y, a):
        _ = key
        for b in range(first, last):
            forward_row(b, W, U, bias, p, x, lengths, reverse, s, tape, y, a)

    def backward(first, last, W, U, p, lengths, reverse, s, tape, dy, ds, da, dx, dp, dv):
        _ = key
        for b in range(first, last):
            backward_row(b, W, U, p, lengths, reverse, s, tape, dy, ds, da, dx, dp, dv)

    def gradient(first, last, x, lengths, reverse, s, tape, da, dW, dU, db):
        _ = key
        for k in range(first, last):
            gradient_row(k, x, lengths, reverse, s, tape, da, dW, dU, db)

    if not compiled:
        return Kernels(forward, backward, gradient)
    jit = numba.njit(cache=True, nogil=True, error_model="numpy")
    return Kernels(jit(forward), jit(backward), jit(gradient))


class HostTarget:
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

    def forward(
        self, cell: Cell, weights: Weights, x: np.ndarray, s0: np.ndarray, lengths: np.ndarray, reverse: bool
    ) -> Tape:
        """See ``Target.forward``."""
        steps, rows, _ = x.shape
        units = weights.U.shape[0]
        s = zeros((steps + 1, rows, len(cell.state), units), x if x.size else s0)
        s[0] = s0
        tape, y = zeros((steps, rows, cell.stored, units), s), zeros((steps, rows, units), s)
        scratch = zeros((rows, cell.values, units), s)
        arguments = (weights.W, weights.U, weights.b, weights.p, x, lengths, reverse, s, tape, y, scratch)
        self._share(kernels(cell, x.dtype != object).forward, rows, steps * rows * weights.W.size, arguments)
        return Tape(x, lengths, reverse, s, tape, y)

    def backward(self, cell: Cell, weights: Weights, tape: Tape, dy: np.ndarray, ds: np.ndarray) -> Pulled:
        """See ``Target.backward``."""
        steps, rows, inputs = tape.x.shape
        units = weights.U.shape[0]
        run = kernels(cell, tape.x.dtype != object)
        ds = ds.copy()
        da, dx = zeros((steps, rows, cell.values, units), tape.s), zeros(tape.x.shape, tape.s)
        dp, dv = zeros((rows, len(cell.parameters), units), tape.s), zeros((rows, units), tape.s)
        work = steps * rows * (weights.W.size + weights.U.size)
        common = (tape.lengths, tape.reverse, tape.s, tape.tape)
        self._share(run.backward, rows, work, (weights.W, weights.U, weights.p, *common, dy, ds, da, dx, dp, dv))
        dW, dU, db = (zeros(part.shape, tape.s) for part in (weights.W, weights.U, weights.b))
        self._share(run.gradient, inputs + units + 1, work, (tape.x, *common, da, dW, dU, db))
        total = zeros(weights.p.shape, tape.s)
        for row in dp:
            total = total + row
        return Pulled(Weights(dW, dU, db, total), dx, ds)

    def _share(self, function: Callable, pieces: int, work: int, arguments: tuple) -> None:
        """Run pieces 0..pieces-1; every piece is independent, so the result is the same for any number of threads."""
        threads = min(numba.get_num_threads(), pieces) if self._threaded and work > WORTH_A_THREAD else 1
        if threads <= 1:
            function(0, pieces, *arguments)
            return
        function(0, 0, *arguments)  # compile once, before the threads start
        bounds = [pieces * i // threads for i in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            futures = [pool.submit(function, lo, hi, *arguments) for lo, hi in pairwise(bounds)]
            for future in futures:
                future.result()


REFERENCE = HostTarget("reference", DTYPES, threaded=False)
CPU = HostTarget("cpu", ("float32", "float64"), threaded=True)
