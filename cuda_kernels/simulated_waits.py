"""How the threads and blocks of the simulator (``cuda_kernels.simulator``) wait for one another: a block's threads at a
barrier, a warp's for an instruction that they carry out together, blocks at a counter. Who waits in vain is noticed."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class Meeting:
    """The barrier of a block of ``size`` threads."""

    def __init__(self, size: int) -> None:
        self._condition, self._size = threading.Condition(), size
        self._living, self._waiting, self._turn = size, 0, 0
        self.missed = 0
        """How many threads met at a barrier that the others never reached; 0 if there was none."""

    def meet(self, last: Callable[[], None] | None = None) -> None:
        """Wait until every thread is here; the last one first does what it is given."""
        with self._condition:
            if last is not None and self._waiting + 1 == self._living == self._size:
                last()
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


class MissedError(RuntimeError):
    """Threads of a warp did something together that the others of the warp never came to."""


WARP = 32
"""Threads that carry out some instructions together."""


class Warp:
    """What the threads of a warp hand to one another, of which ``there`` exist."""

    def __init__(self, there: int) -> None:
        self._meeting, self._given, self._made = Meeting(WARP), [()] * WARP, []
        for _ in range(WARP - there):
            self._meeting.leave()

    def together(self, lane: int, given: tuple, make: Callable[[list[tuple]], Sequence[Any]]) -> Any:
        """Hand in what thread ``lane`` has; its part of what is made of all. Raises MissedError if not all come."""
        self._given[lane] = given
        self._meeting.meet(lambda: setattr(self, "_made", make(self._given)))
        if self._meeting.missed:
            raise MissedError(f"{self._meeting.missed} of {WARP} threads of a warp met, the others never came")
        return self._made[lane]

    def leave(self) -> None:
        """A thread is at its end."""
        self._meeting.leave()


def in_warp(given: tuple, make: Callable[[list[tuple]], Sequence[Any]]) -> Any:
    """``Warp.together`` for the thread that runs."""
    thread: Any = threading.current_thread()
    return thread.warp.together(thread.lane, given, make)


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
