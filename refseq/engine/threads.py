"""Sharing work between threads that stay: the caller takes the first part, the others the rest.

The work is compiled code that holds no Python lock. Threads belong to a process: after a fork the child makes its own.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba

_local = threading.local()


def count() -> int:
    """How many threads may work: numba's own setting."""
    return numba.get_num_threads()


_pool: ThreadPoolExecutor | None = None
_lock = threading.Lock()


def _forget() -> None:
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _workers() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max(numba.config.NUMBA_NUM_THREADS, 1), thread_name_prefix="refseq")
        return _pool


def share(function: Callable, parts: int, first: int, *rest: int) -> None:
    """function(first, k, *rest) for every 0 <= k < parts, at the same time."""
    if parts <= 1:
        if parts:
            function(first, 0, *rest)
        return
    workers = _workers()
    futures = [workers.submit(function, first, k, *rest) for k in range(1, parts)]
    function(first, 0, *rest)
    for future in futures:
        future.result()
