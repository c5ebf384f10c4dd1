"""A function called in copies of this process: each call in its own, a few at a time, within a time limit."""

import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

SLACK = 20.0
"""Seconds of the clock after which a child is killed that did not stop by itself."""


class OutOfTime(Exception):  # noqa: N818 - an answer
    """The time limit of ``limited`` is over."""


def limited(seconds: float, function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments). Raises OutOfTime when it has computed for so long; waiting for other processes does not
    count, so that the answer does not depend on how busy the machine is."""

    def stop(*_: Any) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        return function(*arguments)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def forked(
    function: Callable[[Any], Any], items: Iterable[Any], workers: int, slack: float = SLACK
) -> Iterator[tuple[Any, Any, float]]:
    """(item, answer, seconds) for each item, in the order in which they are done; what a call returns must be JSON.
    None is the answer of a child that died or had to be killed, after ``slack`` seconds of the clock."""
    waiting, running = iter(items), {}
    try:
        while True:
            while len(running) < workers and (item := next(waiting, None)) is not None:
                pid, pipe = _start(function, item)
                running[pipe] = (item, pid, time.monotonic(), b"")
            if not running:
                return
            for pipe in select.select(list(running), [], [], 1.0)[0]:
                item, pid, start, text = running[pipe]
                more = os.read(pipe, 65536)
                if more:
                    running[pipe] = (item, pid, start, text + more)
                    continue
                del running[pipe]
                _finish(pid, pipe)
                seconds = time.monotonic() - start if start < float("inf") else slack
                yield item, json.loads(text) if text else None, seconds
            for pipe, (_, pid, start, _) in running.items():
                if time.monotonic() - start > slack:
                    os.kill(pid, signal.SIGKILL)  # its pipe closes, and it is done
                    running[pipe] = (*running[pipe][:2], float("inf"), b"")
    finally:
        for pipe, (_, pid, _, _) in running.items():
            os.kill(pid, signal.SIGKILL)
            _finish(pid, pipe)


def _start(function: Callable[[Any], Any], item: Any) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        os.close(reading)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
        os.write(writing, json.dumps(function(item)).encode())
    finally:
        os._exit(0)


def _finish(pid: int, pipe: int) -> None:
    os.close(pipe)
    os.waitpid(pid, 0)
