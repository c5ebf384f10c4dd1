"""A block of numba-cuda's simulator whose threads wait for one another, and notice whom they would wait for in vain.

The simulator itself asks its threads without pause whether they have come to a barrier, which takes most of its time,
and a barrier that some threads never reach is none to it: where a device would hang or go wrong, it goes on.
"""

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

    def leave(self) -> None:
        """A thread is at its end."""
        with self._condition:
            self._living -= 1
            if self._waiting and self._waiting == self._living:
                self._go_on()

    def _go_on(self) -> None:
        if self._waiting < self._size:
            self.missed = self.missed or self._waiting
        self._waiting, self._turn = 0, self._turn + 1
        self._condition.notify_all()


def _bare(kernel: Any, argument: Any) -> Any:
    """An argument with numpy's arrays in place of the simulator's, of which every access takes several calls."""
    if isinstance(argument, tuple):
        return tuple(_bare(kernel, part) for part in argument)
    if isinstance(argument, kernel.FakeWithinKernelCUDAArray):
        argument = argument._item
    return argument._ary if isinstance(argument, kernel.FakeCUDAArray) else argument


def _run(kernel: Any, manager: Any, grid_point: tuple[int, ...], *arguments: Any) -> None:
    """Run a block; raises what its threads raise, and RuntimeError for a divergent barrier."""
    points = list(np.ndindex(*manager._block_dim))
    meeting, bare = Meeting(len(points)), _bare(kernel, arguments)

    def target() -> None:
        try:
            manager._f(*bare)
        finally:
            meeting.leave()

    threads = [kernel.BlockThread(target, manager, grid_point, point, manager._debug) for point in points]
    for thread in threads:
        thread.meeting = meeting
        thread.start()
    for thread in threads:
        thread.join()
    for thread in threads:
        if thread.exception:
            raise thread.exception[0].with_traceback(thread.exception[1])
    if meeting.missed:
        where = f"in block {tuple(map(int, grid_point))}"
        raise RuntimeError(f"{meeting.missed} of {len(points)} threads met at a barrier {where}, the others never came")


@contextmanager
def meeting_threads(kernel: Any) -> Iterator[None]:
    """Inside, blocks run as above; ``kernel`` is the simulator's module of that name."""
    block, thread = kernel.BlockManager, kernel.BlockThread
    before = block.run, thread.syncthreads
    block.run = lambda manager, point, *arguments: _run(kernel, manager, point, *arguments)
    thread.syncthreads = lambda this: this.meeting.meet()
    try:
        yield
    finally:
        block.run, thread.syncthreads = before
