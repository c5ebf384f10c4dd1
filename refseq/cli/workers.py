"""Judging many rows, in this process or in several: rows of one recurrence and precision stay together, so that what
one compiles or encloses serves the others.

A worker makes its rows anew from the selection: implementations can hardly be sent from process to process.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, NamedTuple

from refseq.cli.work import Work

POLL = 0.1
"""Seconds between two looks at what workers do."""

GROUPS = 20
"""What a worker does before another takes its place: numba keeps some 50 MB for every cell and precision. (The pool's
own max_tasks_per_child leaves it without workers on some Pythons: github.com/python/cpython/issues/115634.)"""


class Event(NamedTuple):
    """Item ``number`` was begun, or done if it has a result."""

    number: int
    title: str
    done: bool
    result: Any = None


class WorkerDied(Exception):  # noqa: N818 - it is news, not a fault of refseq's
    """A worker ended before it was done: killed, or by a crash in compiled code."""


def usual_jobs() -> int:
    """As many as there are processors for this process."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def in_this_process(work: Sequence[Work], progress: Callable[[Any], None]) -> Iterator[Event]:
    """Run one after another."""
    for number, item in enumerate(work):
        yield Event(number, item.title, False)
        yield Event(number, item.title, True, item.run(progress))


def in_workers(
    make: Callable[[Any], Sequence[Work]], selection: Any, work: Sequence[Work], jobs: int, check: Callable[[], None]
) -> Iterator[Event]:
    """Run ``make(selection)``, which is ``work``, in this many processes; ``check`` is called now and then and may
    raise. Raises WorkerDied."""
    groups: dict[str, list[int]] = {}
    for number, item in enumerate(work):
        groups.setdefault(item.group, []).append(number)
    numbers = sorted(groups.values(), key=len, reverse=True)  # a long one that began last would be waited for
    together = GROUPS * jobs
    for start in range(0, len(numbers), together):
        yield from _with_new_workers(make, selection, numbers[start : start + together], jobs, check)


def _with_new_workers(
    make: Callable[[Any], Sequence[Work]],
    selection: Any,
    groups: Sequence[Sequence[int]],
    jobs: int,
    check: Callable[[], None],
) -> Iterator[Event]:
    context = multiprocessing.get_context("spawn")  # a fork copies locks and thread pools of libraries in any state
    events, begun = context.SimpleQueue(), dict[int, str]()

    def news() -> Iterator[Event]:
        while not events.empty():
            event = Event(*events.get())
            begun[event.number] = event.title
            if event.done:
                del begun[event.number]
            yield event

    pool = ProcessPoolExecutor(min(jobs, len(groups)), context, _start, (make, selection, events))
    try:
        with _deaf():
            waiting: set[Future] = {pool.submit(_run, numbers) for numbers in groups}
        while waiting:
            done, waiting = wait(waiting, POLL, FIRST_COMPLETED)
            check()
            yield from news()
            for future in done:
                future.result()
        yield from news()
    except BrokenProcessPool as error:
        yield from news()
        titles = ", ".join(begun.values()) or "what was to come"
        raise WorkerDied(f"a worker process ended while judging {titles}; --jobs 1 does it in this process") from error
    except BaseException:
        for process in multiprocessing.active_children():  # what still runs is not waited for
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that start meanwhile do not hear Ctrl-C: their parent does, and ends them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_work: Sequence[Work] = ()
_events: Any = None


def _start(make: Callable[[Any], Sequence[Work]], selection: Any, events: Any) -> None:
    global _work, _events
    _work, _events = make(selection), events


def _run(numbers: Sequence[int]) -> None:
    for number in numbers:
        item = _work[number]
        _events.put(tuple(Event(number, item.title, False)))
        _events.put(tuple(Event(number, item.title, True, item.run())))
