"""A block of numba-cuda's simulator whose threads wait for one another, and notice whom they would wait for in vain.

The simulator itself asks its threads without pause whether they have come to a barrier, which takes most of its time,
and a barrier that some threads never reach is none to it: where a device would hang or go wrong, it goes on. Its blocks
run one after another; here those of a cooperative launch run at the same time. Shared memory is every block's own, and
begins as NaN.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cuda_kernels.simulated_waits import WARP, Blocks, Meeting, MissedError, Warp


class Memory:
    """Shared memory of a block: an array for each line that asks for one."""

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, int], np.ndarray] = {}
        self._lock = threading.Lock()

    def array(self, shape: int | tuple[int, ...], dtype: Any) -> np.ndarray:
        """The array of the line that calls; at first whatever is there, which here is NaN."""
        frame = sys._getframe(1)
        line = frame.f_code.co_filename, frame.f_lineno
        with self._lock:
            if line not in self._arrays:
                kind = np.dtype(dtype)
                self._arrays[line] = np.full(shape, np.nan if kind.kind == "f" else 0, kind)
            return self._arrays[line]


def _bare(kernel: Any, argument: Any) -> Any:
    """An argument with numpy's arrays in place of the simulator's, of which every access takes several calls."""
    if isinstance(argument, tuple):
        return tuple(_bare(kernel, part) for part in argument)
    if isinstance(argument, kernel.FakeWithinKernelCUDAArray):
        argument = argument._item
    return argument._ary if isinstance(argument, kernel.FakeCUDAArray) else argument


class _Launch:
    """A launch: its blocks one after another, or ``together``."""

    def __init__(self, kernel: Any, together: bool) -> None:
        self._kernel, self._together = kernel, together
        self._running: list[tuple[tuple[int, ...], list[Any], Meeting]] = []
        self._all: Blocks | None = None

    def run(self, manager: Any, grid_point: tuple[int, ...], *arguments: Any) -> None:
        """Run a block; of a cooperative launch start it, and with the last one wait for all. Raises what its threads
        raise, and RuntimeError for a divergent barrier."""
        grid = tuple(manager._grid_dim)
        if self._all is None or not self._together:
            self._all = Blocks(int(np.prod(grid)) if self._together else 1)
        self._running.append(self._start(manager, grid_point, self._all, arguments))
        if self._together and len(self._running) < np.prod(grid):
            return
        running, self._running = self._running, []
        for point, threads, meeting in running:
            _wait(point, threads, meeting)

    def _start(self, manager: Any, grid_point: tuple[int, ...], blocks: Blocks, arguments: tuple) -> tuple:
        points = list(np.ndindex(*manager._block_dim))
        meeting, memory, bare = Meeting(len(points)), Memory(), _bare(self._kernel, arguments)
        warps = [Warp(min(WARP, len(points) - first)) for first in range(0, len(points), WARP)]

        def target() -> None:
            try:
                manager._f(*bare)
            finally:
                in_one: Any = threading.current_thread()
                in_one.warp.leave()
                if meeting.leave():
                    blocks.leave()

        threads = [self._kernel.BlockThread(target, manager, grid_point, point, manager._debug) for point in points]
        for number, thread in enumerate(threads):
            thread.meeting, thread.blocks, thread.shared = meeting, blocks, memory
            thread.warp, thread.lane = warps[number // WARP], number % WARP
        for thread in threads:
            thread.start()
        return grid_point, threads, meeting


def _wait(grid_point: tuple[int, ...], threads: list[Any], meeting: Meeting) -> None:
    for thread in threads:
        thread.join()
    raised = [thread.exception for thread in threads if thread.exception]
    for error, trace in sorted(raised, key=lambda found: isinstance(found[0], MissedError)):  # these follow from others
        raise error.with_traceback(trace)
    if meeting.missed:
        where = f"in block {tuple(map(int, grid_point))}"
        raise RuntimeError(
            f"{meeting.missed} of {len(threads)} threads met at a barrier {where}, the others never came"
        )


@contextmanager
def meeting_threads(kernel: Any, together: bool = False) -> Iterator[None]:
    """Inside, blocks run as above, for one launch; ``kernel`` is the simulator's module of that name."""
    block, thread, launch = kernel.BlockManager, kernel.BlockThread, _Launch(kernel, together)
    before = block.run, thread.syncthreads

    def run(manager: Any, *arguments: Any) -> None:
        launch.run(manager, *arguments)  # a function of the class, so that it is given the manager

    block.run = run
    thread.syncthreads = lambda this: this.meeting.meet()
    try:
        yield
    finally:
        block.run, thread.syncthreads = before
