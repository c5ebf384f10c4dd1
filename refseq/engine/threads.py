"""Sharing work between the caller and threads that stay.

Work is a compiled function and a number of parts. Whoever is awake takes the next part: the caller too, so that it
never waits for a thread that has not begun, be it asleep or kept from a processor by another library's threads; it
waits for begun parts alone. No result depends on who takes which part.

A thread looks for work for SPINS rounds, about 0.4 ms, and then sleeps until it is called. Threads belong to a process:
after a fork the child makes its own. Where several Python threads share work at the same time, one gets the threads and
the others do their work alone.
"""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numba
import numpy as np
from numba.core import config as settings
from numba.extending import register_jitable

from refseq.engine.atomics import add, exchange, load, pause, store
from refseq.engine.calling import RUN, caller, run_2, run_9
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.memory import keep_apart
from refseq.engine.workspace import address as address_of

SPINS = 20_000
"""Rounds of looking for work before a thread sleeps; of waiting for a part before the caller lets others run."""
MOST, CALLS = 1 << 20, 1 << 23
"""More parts than anybody asks for; and calls, which are counted again from 0 after so many."""

TICKET, DONE = 0, 128
FUNCTION, COUNT, FIRST, SECOND, THIRD, FOURTH = range(256, 304, 8)
TABLE = 384
"""The shared table, in bytes. The ticket is (call number, low, high), numbers of MOST: nobody has taken the parts
low <= k < high yet. The caller takes the last one and threads the first one, so that mostly the same thread does the
same part, in whose cache its data are. Then the parts that are done; and the call: function, how many arguments it has,
and these but for the part's number, which is the second one. What different threads write is on lines of the cache of
its own (two, as processors fetch pairs)."""


config: Any = settings


def count() -> int:
    """How many threads may work: numba's own setting."""
    return numba.get_num_threads()


@cache
def compiled() -> tuple[CFunction, CFunction]:
    """The loop of a waiting thread, f(table, spins), and that of the caller, f(table, function, count, parts, first,
    second, third, fourth, give_way)."""
    two, four, five, give = caller(2), caller(4), caller(5), caller(0)
    most = MOST

    @register_jitable
    def take(table, from_the_end):
        """Take parts until there are none; how many were taken."""
        taken = 0
        while True:
            ticket = load(table, TICKET, 0, 0)
            low, high = ticket // most % most, ticket % most
            if low == high:
                return taken
            if exchange(table, TICKET, ticket, ticket - 1 if from_the_end else ticket + most):
                function, first = load(table, FUNCTION, 0, 0), load(table, FIRST, 0, 0)
                part = high - 1 if from_the_end else low
                second, third, fourth = (
                    load(table, SECOND, 0, 0),
                    load(table, THIRD, 0, 0),
                    load(table, FOURTH, 0, 0),
                )
                count = load(table, COUNT, 0, 0)
                if count == 2:
                    two(function, first, part)
                elif count == 4:
                    four(function, first, part, second, third)
                else:
                    five(function, first, part, second, third, fourth)
                add(table, DONE, 0, 1)
                taken += 1

    def engine_work(table, spins):
        keep_apart()
        idle = 0
        while idle < spins:
            idle = 0 if take(table, False) else idle + 1
            pause()

    def engine_call(table, function, count, parts, first, second, third, fourth, give_way):
        keep_apart()
        store(table, FUNCTION, 0, function)
        store(table, COUNT, 0, count)
        store(table, FIRST, 0, first)
        store(table, SECOND, 0, second)
        store(table, THIRD, 0, third)
        store(table, FOURTH, 0, fourth)
        store(table, DONE, 0, 0)
        call = load(table, TICKET, 0, 0) // (most * most) + 1
        store(table, TICKET, 0, call % CALLS * most * most + parts)
        take(table, True)
        waited = 0
        while load(table, DONE, 0, 0) < parts:
            pause()
            waited += 1
            if waited % 1024 == 0 and give_way:
                give(give_way)

    return compiled_c(engine_work, 2, "int64"), compiled_c(engine_call, 9, "int64")


class _Pool:
    """The threads of this process, and the table that they share with the caller."""

    def __init__(self, size: int) -> None:
        self.busy, self._wake, self._asleep = threading.Lock(), threading.Semaphore(0), 0
        self._memory = np.zeros(2 * TABLE // 8, np.int64)
        self._work, call = (function.address for function in compiled())
        self._table = -(-address_of(self._memory) // 128) * 128
        self.hands: tuple[int, int, int] = (self._table, int(call or 0), _address_of_yield())
        for number in range(size):
            threading.Thread(target=self._run, name=f"refseq-{number}", daemon=True).start()

    def _run(self) -> None:
        while True:
            run_2(self._work, self._table, SPINS)
            self._asleep += 1
            self._wake.acquire()
            self._asleep -= 1

    def wake(self, most: int) -> None:
        """Wake threads that sleep."""
        for _ in range(min(self._asleep, most)):
            self._wake.release()

    def share(self, function: CFunction, parts: int, first: int, rest: tuple[int, ...]) -> None:
        """See ``share``."""
        self.wake(parts - 1)
        table, call, give_way = self.hands
        padded = (*rest, 0, 0, 0)[:3]
        run_9(call, table, function.address, 2 + len(rest), parts, first, *padded, give_way)


def _address_of_yield() -> int:
    """The C library's function that lets another thread run, or 0."""
    library = ctypes.CDLL(None) if os.name == "posix" else None
    function = getattr(library, "sched_yield", None)
    return ctypes.cast(function, ctypes.c_void_p).value or 0 if function else 0


class _Process:
    """What belongs to this process: its pool, made when it is first wanted."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """No pool, as in the child of a fork."""
        self._pool: _Pool | None = None
        self._making = threading.Lock()

    def pool(self) -> _Pool:
        """The pool."""
        if self._pool is None:
            with self._making:
                if self._pool is None:
                    self._pool = _Pool(config.NUMBA_NUM_THREADS - 1)
        return self._pool


_PROCESS = _Process()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_PROCESS.forget)


def share(function: CFunction, parts: int, first: int, *rest: int) -> None:
    """function(first, k, *rest) for every 0 <= k < parts, at the same time where that is possible."""
    if parts > 1:
        pool = _PROCESS.pool()
        if pool.busy.acquire(blocking=False):
            try:
                pool.share(function, parts, first, rest)
            finally:
                pool.busy.release()
            return
    run, address = RUN[2 + len(rest)], function.address
    for part in range(parts):
        run(address, first, part, *rest)


@contextmanager
def borrowed(parts: int) -> Iterator[tuple[int, int, int]]:
    """The threads, for compiled code that shares work again and again: the shared table, the address of the caller's
    loop and of what gives way; zeros where others have them."""
    pool = _PROCESS.pool()
    if not pool.busy.acquire(blocking=False):
        yield 0, 0, 0
        return
    try:
        pool.wake(parts - 1)
        yield pool.hands
    finally:
        pool.busy.release()
