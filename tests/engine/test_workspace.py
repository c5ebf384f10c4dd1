"""Memory that is used again: sizes, alignment, the bound, threads, forks; two live buffers never share a byte."""

import gc
import os
import threading
from itertools import pairwise

import numpy as np
import pytest

from refseq.engine import workspace
from refseq.engine.workspace import ALIGNMENT, Buffer


@pytest.fixture(autouse=True, scope="module")
def _nothing_from_before():
    """Not for every test: with all that other files have imported it takes seconds."""
    gc.collect()


@pytest.fixture(autouse=True)
def _empty():
    workspace.free()
    yield
    workspace.free()


def span(buffer: Buffer, count: int) -> tuple[int, int]:
    return buffer.address, buffer.address + count


def test_sizes_waste_little_and_never_fall_short():
    for count in [0, 1, 4095, 4096, 4097, 5000, 8191, 8192, 8193, *(3**k for k in range(8, 20)), 10**9 + 7]:
        size = workspace._class(count)
        assert max(count, workspace.SMALLEST) <= size <= max(1.25 * count + 1, workspace.SMALLEST)
        assert workspace._class(size) == size


@pytest.mark.parametrize("count", [0, 1, 63, 64, 4096 - 64, 4096 - 63, 100_000])
def test_a_buffer_is_aligned_and_inside_its_memory(count):
    buffer = Buffer(count)
    begin = workspace.address(buffer._memory)
    assert buffer.address % ALIGNMENT == 0
    assert begin <= buffer.address
    assert buffer.address + count <= begin + buffer._memory.nbytes


def test_what_is_given_back_is_used_again():
    first = Buffer(10_000)
    where = first.address
    assert workspace.waiting_bytes() == 0
    del first
    assert workspace.waiting_bytes() == workspace._class(10_000 + ALIGNMENT)
    again = Buffer(10_001)
    assert again.address == where
    assert workspace.waiting_bytes() == 0


def test_live_buffers_share_no_byte():
    rng = np.random.default_rng(0)
    live: list[tuple[Buffer, int]] = []
    for _ in range(2000):
        if live and rng.random() < 0.5:
            live.pop(int(rng.integers(len(live))))
        else:
            count = int(rng.integers(0, 9000))
            live.append((Buffer(count), count))
    spans = sorted(span(*each) for each in live)
    assert len(spans) > 20
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_the_bound_holds(monkeypatch):
    monkeypatch.setattr(workspace, "BOUND", 100_000)
    held = [Buffer(20_000) for _ in range(20)]
    held.clear()
    size = workspace._class(20_000 + ALIGNMENT)
    assert (
        workspace.waiting_bytes()
        == 100_000 // size * size
        == sum(size for bucket in workspace._waiting.pieces.values() for _, size in bucket)
    )
    workspace.free()
    assert workspace.waiting_bytes() == 0
    assert not workspace._waiting.pieces


def test_what_was_in_use_the_longest_ago_makes_room(monkeypatch):
    monkeypatch.setattr(workspace, "BOUND", 100_000)
    workspace.free()
    for key, count in (("old", 40_000), ("kept", 30_000), ("old", 10_000), ("new", 50_000)):
        workspace.give(key, key, count)
    assert workspace.take("kept") is None  # "old" was given back once more after it
    assert workspace.waiting_bytes() == 100_000
    workspace.give("more than there is room for", None, 100_001)
    assert workspace.take("new") == "new"
    assert workspace.take("old") == "old"
    assert workspace.take("old") == "old"
    workspace.free()


def test_what_is_freed_may_give_back_what_it_holds():
    class Job:
        def __init__(self) -> None:
            self.buffer = Buffer(10_000)

    for key in range(3):
        workspace.give(key, Job(), 10)
    workspace.free()  # its buffers too
    assert workspace.waiting_bytes() == 0
    assert not workspace._waiting.pieces


def test_threads_never_hold_the_same_memory():
    """Each writes its own number all over its buffers, and finds nothing else there."""
    wrong = []

    def work(number: int) -> None:
        rng = np.random.default_rng(number)
        for _ in range(400):
            count = int(rng.integers(1, 6000))
            buffer = Buffer(count)
            buffer._memory.fill(number)
            if not (buffer._memory == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    waiting = sum(size for bucket in workspace._waiting.pieces.values() for _, size in bucket)
    assert workspace.waiting_bytes() == waiting


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork.. was called:RuntimeWarning")  # JAX's, where another test loaded it
def test_a_fork_while_another_thread_holds_the_lock():
    """The child has no such thread, and must not wait for it."""
    holds, release = threading.Event(), threading.Event()

    def hold() -> None:
        with workspace._waiting.lock:
            holds.set()
            release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait(30)
    child = os.fork()
    if child == 0:
        watchdog = threading.Timer(5, os._exit, (1,))
        watchdog.daemon = True
        watchdog.start()
        Buffer(100)
        os._exit(0)
    release.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_addresses_are_numpys():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in ((3,), (3, 4), (0,), (2, 0, 3), (2, 3, 4))]
    arrays += [arrays[4].transpose(1, 2, 0), arrays[4][:, ::2], arrays[1].T, arrays[1][1:]]
    sealed = arrays[1].copy()
    sealed.flags.writeable = False
    for array in (*arrays, sealed):
        assert workspace.address(array) == array.__array_interface__["data"][0]
