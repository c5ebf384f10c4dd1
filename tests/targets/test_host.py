"""The target "cpu": bit for bit the target "reference", for any number of threads."""

import numba
import pytest

from refseq.targets import host, target
from tests.examples import LAYERS, everything, example, same


class Counted:
    """A thread pool that remembers how many threads were asked for."""

    asked: list[int]

    def __init__(self, monkeypatch):
        self.asked, pool = [], host.ThreadPoolExecutor
        monkeypatch.setattr(host, "ThreadPoolExecutor", lambda size: self.asked.append(size) or pool(size))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_cpu_is_the_reference_bit_for_bit(layer, dtype):
    problem = example(layer, dtype)
    assert same(everything(problem, "cpu"), everything(problem, "reference"))


@pytest.mark.parametrize("threads", [2, 3, 16])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_any_number_of_threads_gives_the_same_bits(layer, threads, monkeypatch):
    problem = example(layer)
    alone = everything(problem, "reference")
    monkeypatch.setattr(host, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(numba, "get_num_threads", lambda: threads)
    pool = Counted(monkeypatch)
    assert same(everything(problem, "cpu"), alone)
    assert len(pool.asked) == 3 * len(layer.parts)  # forward, backward and gradient of every part
    assert 2 <= min(pool.asked) <= max(pool.asked) <= threads


def test_small_work_starts_no_threads(monkeypatch):
    pool = Counted(monkeypatch)
    everything(example(LAYERS[0]), "cpu")
    assert pool.asked == []


def test_the_reference_starts_no_threads(monkeypatch):
    monkeypatch.setattr(host, "WORTH_A_THREAD", 0)
    pool = Counted(monkeypatch)
    everything(example(LAYERS[0]), "reference")
    assert pool.asked == []
    assert target("reference").describe() == "1 thread"


def test_an_exception_in_a_thread_reaches_the_caller(monkeypatch):
    def broken(first, last, *_):
        if first:
            raise MemoryError

    monkeypatch.setattr(host, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(numba, "get_num_threads", lambda: 2)
    monkeypatch.setattr(host, "kernels", lambda cell, compiled: host.Kernels(broken, broken, broken))
    with pytest.raises(MemoryError):
        everything(example(LAYERS[0]), "cpu")
