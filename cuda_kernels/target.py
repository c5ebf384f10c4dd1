"""The target "cuda": the scan's kernels on the current CUDA device, or in numba-cuda's simulator."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cuda_kernels import gpu
from cuda_kernels.scan import kernels
from refseq.cell import Cell
from refseq.targets.base import Job, ScanTarget

WARP = 32
MOST_THREADS = 256
"""A block shares one row's units; beyond this, more blocks of a device are worth more than more threads of a block."""

MOST_BLOCKS = 4096
"""Enough to fill any device many times over; further pieces are taken in turn."""

SIMULATED = 2
"""Threads and blocks in the simulator: each costs a Python thread, and two of each meet every barrier and stride."""


class CudaTarget(ScanTarget):
    """Runs each of the scan's loops as a kernel. ``blocks`` and ``threads`` limit the launch; None chooses."""

    name = "cuda"
    dtypes = ("float32", "float64")

    def __init__(self, blocks: int | None = None, threads: int | None = None) -> None:
        self._blocks, self._threads = blocks, threads

    def missing(self) -> str | None:
        """None if there is a device or the simulator, else the reason."""
        return gpu.missing()

    def describe(self) -> str:
        """The device's name."""
        return gpu.describe()

    def _run(self, cell: Cell, jobs: Sequence[Job], results: tuple[np.ndarray, ...]) -> None:
        """Copy each array to the device once, launch job after job, copy the results back."""
        run = kernels(cell, str(results[0].dtype))
        placed: dict[int, Any] = {}  # by identity: the jobs keep their arrays alive

        def place(argument: Any) -> Any:
            if isinstance(argument, tuple):
                return tuple(map(place, argument))
            if not isinstance(argument, np.ndarray):
                return argument
            if id(argument) not in placed:
                placed[id(argument)] = gpu.cuda.to_device(np.ascontiguousarray(argument))
            return placed[id(argument)]

        units = results[0].shape[-1]
        for job in jobs:
            launch = gpu.configure(getattr(run, job.loop), self._grid(job.pieces), self._block(units))
            launch(*map(place, job.arguments))
        for array in results:
            placed[id(array)].copy_to_host(array)

    def _block(self, units: int) -> int:
        """Threads of a block: whole warps that cover the units."""
        if self._threads is not None:
            return self._threads
        return min(units, SIMULATED) if gpu.SIMULATOR else min(-(-units // WARP) * WARP, MOST_THREADS)

    def _grid(self, pieces: int) -> int:
        """Blocks: one for each piece, as far as that helps."""
        if self._blocks is not None:
            return self._blocks
        return min(pieces, SIMULATED if gpu.SIMULATOR else MOST_BLOCKS)


CUDA = CudaTarget()
