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


class Meeting:
    """The barrier of a block of ``size`` threads."""

    def __init__(self, size: int) -> None:
        self._condition, self._size = threading.Condition(), size
        self._living, self._waiting, self._turn = size, 0, 0
        self.missed = 0
        """How many threads met at a barrier that the others never reached; 0 if there was none."""

    def meet(self) -> None:
        """Wait until every thread is here."""
        with self._condition:
            self._waiting, turn = self._waiting + 1, self._turn
            if self._waiting == self._living:
                self._go_on()
            while turn == self._turn:
                self._condition.wait()

    def leave(self) -> bool:
        """A thread is at its end; whether it is the last one."""
        with self._condition:
            self._living -= 1
            if self._waiting and self._waiting == self._living:
                self._go_on()
            return not self._living

    def _go_on(self) -> None:
        if self._waiting < self._size:
            self.missed = self.missed or self._waiting
        self._waiting, self._turn = 0, self._turn + 1
        self._condition.notify_all()


class Blocks:
    """The counters by which running blocks wait for one another, ``living`` of them."""

    def __init__(self, living: int) -> None:
        self._condition, self._living, self._targets = threading.Condition(), living, []

    def meet(self, counters: np.ndarray, domain: int, target: int) -> None:
        """Count this block, and wait until so many are counted. Raises RuntimeError if they never will be."""
        with self._condition:
            counters[domain] += 1
            mine = (counters, domain, target)
            self._targets.append(mine)
            self._condition.notify_all()
            while counters[domain] < target:
                self._stop_if_in_vain()
                self._condition.wait()
            self._targets = [other for other in self._targets if other is not mine]

    def leave(self) -> None:
        """A block is at its end."""
        with self._condition:
            self._living -= 1
            self._condition.notify_all()

    def _stop_if_in_vain(self) -> None:
        if len(self._targets) >= self._living and all(c[d] < target for c, d, target in self._targets):
            raise RuntimeError(
                "all blocks wait for one another, and none comes: a domain of other size than its target"
            )


def meet_blocks(counters: np.ndarray, domain: int, target: int) -> None:
    """The twin of ``cuda_kernels.gpu.domain_barrier``."""
    blocks: Any = threading.current_thread()
    blocks.blocks.meet(counters, domain, target)


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

        def target() -> None:
            try:
                manager._f(*bare)
            finally:
                if meeting.leave():
                    blocks.leave()

        threads = [self._kernel.BlockThread(target, manager, grid_point, point, manager._debug) for point in points]
        for thread in threads:
            thread.meeting, thread.blocks, thread.shared = meeting, blocks, memory
        for thread in threads:
            thread.start()
        return grid_point, threads, meeting


def _wait(grid_point: tuple[int, ...], threads: list[Any], meeting: Meeting) -> None:
    for thread in threads:
        thread.join()
    for thread in threads:
        if thread.exception:
            raise thread.exception[0].with_traceback(thread.exception[1])
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
