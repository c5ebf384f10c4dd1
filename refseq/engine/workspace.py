"""Memory that is used again: fresh pages from the system cost more than a time step.

Pieces come in sizes of four to the octave. What is given back waits for the next who wants that size, up to BOUND bytes
in all; beyond, what was last in use the longest ago goes back to the system, and with ``free`` all. Whole jobs wait in
the same way, under their owners. Safe in threads.
"""

import ctypes
import os
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

import numpy as np

BOUND = 1 << 28
"""Bytes that may wait, 256 MiB."""
ALIGNMENT = 64
SMALLEST = 1 << 12


class _Waiting:
    """What waits to be used again, by size or owner, the last one given back last, and how many bytes that is."""

    def __init__(self) -> None:
        self.pieces: OrderedDict[Hashable, list[tuple[Any, int]]] = OrderedDict()
        self.total = 0
        self.unlock()

    def unlock(self) -> None:
        """A new lock: after a fork another thread may have held the old one, and it is not in the child."""
        self.lock = threading.RLock()  # the garbage collector may give back while its holder takes


_waiting = _Waiting()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.unlock)


def take(key: Hashable) -> Any:
    """What waits under this key, or None."""
    with _waiting.lock:
        bucket = _waiting.pieces.get(key)
        if not bucket:
            return None
        piece, count = bucket.pop()
        _waiting.total -= count
        return piece


def give(key: Hashable, piece: Any, count: int) -> None:
    """Let a piece of so many bytes wait under this key, in place of those whose keys were last in use the longest ago;
    but not if too much waits under this key already."""
    if count > BOUND:
        return
    gone = []  # freed when the lock is free again
    with _waiting.lock:
        pieces = _waiting.pieces
        if key in pieces:
            pieces.move_to_end(key)
        while _waiting.total + count > BOUND:
            if not pieces or (len(pieces) == 1 and key in pieces):
                return
            _, bucket = pieces.popitem(last=False)
            gone += bucket
            less = _bytes(bucket)
            _waiting.total -= less
        _waiting.total += count
        pieces.setdefault(key, []).append((piece, count))


def drop(key: Hashable) -> None:
    """Nobody will ask for what waits under this key."""
    with _waiting.lock:
        bucket = _waiting.pieces.pop(key, [])
        less = _bytes(bucket)
        _waiting.total -= less


def _bytes(bucket: list[tuple[Any, int]]) -> int:
    return sum(count for _, count in bucket)


def free() -> None:
    """Return the memory that nobody uses to the system."""
    while _waiting.pieces:  # again: jobs that go give back what they hold
        with _waiting.lock:
            gone, _waiting.pieces, _waiting.total = _waiting.pieces, OrderedDict(), 0
        gone.clear()  # not under the lock, and not what others see


def waiting_bytes() -> int:
    """How much memory waits to be used again."""
    return _waiting.total


def _class(count: int) -> int:
    """The next size: 4, 5, 6 or 7 times a power of two."""
    count = max(count, SMALLEST)
    shift = count.bit_length() - 3
    return -(-count >> shift) << shift


def memory(count: int) -> tuple[np.ndarray, int]:
    """Fresh memory of so many bytes, and the first address in it that is a multiple of 64."""
    fresh = np.empty(count + ALIGNMENT, np.uint8)
    return fresh, -(-address(fresh) // ALIGNMENT) * ALIGNMENT


def address(array: np.ndarray) -> int:
    """Where an array begins."""
    if array.flags.c_contiguous and array.flags.writeable and array.size:
        exposed: Any = array  # a buffer, whatever its type says
        return ctypes.addressof(ctypes.c_char.from_buffer(exposed))  # several times faster than numpy's own way
    return array.__array_interface__["data"][0]


class Buffer:
    """Uninitialised memory, given back when nobody refers to the buffer any more. ``address`` is a multiple of 64."""

    __slots__ = ("_memory", "address")

    def __init__(self, count: int) -> None:
        size = _class(count + ALIGNMENT)
        self._memory, self.address = take(size) or memory(size - ALIGNMENT)

    def __del__(self) -> None:
        piece = getattr(self, "_memory", None)
        if piece is not None:
            give(piece.nbytes, (piece, self.address), piece.nbytes)
