"""What changes no bit: threads, chunks, checkpoints, padding, other rows, other runs at the same time, a fork."""

import multiprocessing
import threading
from dataclasses import replace

import numpy as np
import pytest

from refseq.checks.problem import draw
from refseq.checks.properties.variants import by_row, rows
from refseq.engine import setup
from refseq.engine.target import forget
from tests.engine.problems import beyond_budget, bits, different, everything, shared_between
from tests.engine.twice import twice
from tests.variants import layer

VARIANTS = [("lstm_peephole_coupled", {"peephole": "full", "output_sees": "new"}), ("gru", {"reset": "after"})]
ids = [name for name, _ in VARIANTS]


def problem(variant, steps=9, batch=6, units=17):
    return draw(layer(variant, 5, units, layers=2, bidirectional=True), "float64", steps, batch)


@pytest.mark.parametrize("variant", VARIANTS, ids=ids)
def test_threads(variant, monkeypatch):
    given = problem(variant)
    alone = everything(given)
    for count in (1, 2, 3, 7):
        with shared_between(count, monkeypatch):
            assert different(everything(given), alone) == [], count
            assert different(everything(given, checkpoint=2), alone) == [], count


@pytest.mark.parametrize("variant", VARIANTS, ids=ids)
def test_chunks(variant, monkeypatch):
    given = problem(variant)
    whole = everything(given)
    for size in (1, 5, 20):
        with monkeypatch.context() as patch:
            patch.setattr(setup, "ROWS_AHEAD", size)
            patch.setattr(setup, "ROWS_BACK", size + 1)
            forget()
            assert different(everything(given), whole) == [], size
    forget()


@pytest.mark.parametrize("variant", VARIANTS, ids=ids)
def test_rows_of_a_batch(variant):
    """Few rows and many are multiplied by different tiles."""
    given = problem(variant, 4, 40, 9)
    whole = everything(given)
    for chosen in ([0], [39], [7, 3], list(range(5)), list(range(39, 0, -1))):
        assert bits(by_row(everything(rows(given, chosen)))) == bits(by_row(whole, chosen)), chosen


@pytest.mark.parametrize("variant", VARIANTS, ids=ids)
def test_padding(variant):
    """More steps of padding, whatever is in it."""
    given = problem(variant)
    fill = np.full((4, *given.x.shape[1:]), np.nan), np.full((4, *given.dy.shape[1:]), np.nan)
    lengths = np.minimum(given.counts, 8)
    short = replace(given, lengths=lengths)
    long = replace(given, lengths=lengths, x=np.concatenate([given.x, fill[0]]), dy=np.concatenate([given.dy, fill[1]]))
    ours, theirs = everything(long), everything(short)
    for name, value in theirs.items():
        same = ours[name][: len(value)] if name in ("y", "dx") else ours[name]
        assert same.tobytes() == value.tobytes(), name
        assert not (ours[name][len(value) :]).any()


def test_a_block_that_is_used_twice(monkeypatch):
    """Its gradient has two sums, neither of which two threads add to, or depends on where time is cut."""
    given = draw(twice(3, 9), "float64", 40, 5)
    whole = everything(given)
    assert beyond_budget(given) == []
    for pieces in (1, 3, 7):
        assert different(everything(given, checkpoint=pieces), whole) == []
    for count in (2, 3):
        with shared_between(count, monkeypatch):
            assert different(everything(given), whole) == []


def test_runs_and_backward_twice():
    given = problem(VARIANTS[0])
    first = everything(given)
    assert all(different(everything(given), first) == [] for _ in range(3))
    run = given.layer.forward(given.params, given.x, given.state, given.lengths)
    once, twice = (given.layer.backward(run, given.dy, given.dstate) for _ in range(2))
    assert different(once.params | once.state | {"x": once.x}, twice.params | twice.state | {"x": twice.x}) == []


def test_several_python_threads_at_once(monkeypatch):
    """Some with work that is shared between the engine's own threads."""
    given = [problem(variant) for variant in VARIANTS] * 2
    expected = [everything(each) for each in given]
    wrong = []

    def work(number):
        for _ in range(8):
            wrong.extend(different(everything(given[number]), expected[number]))

    with shared_between(3, monkeypatch):
        workers = [threading.Thread(target=work, args=(number,)) for number in range(len(given))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert wrong == []


def _in_process(queue):
    queue.put(bits(everything(problem(VARIANTS[1]))))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork.. was called:RuntimeWarning")  # JAX's, where another test loaded it
@pytest.mark.parametrize("method", [each for each in multiprocessing.get_all_start_methods() if each != "forkserver"])
def test_other_processes(method, monkeypatch):
    """A forked child has none of its parent's threads, and must not wait for them."""
    expected = bits(everything(problem(VARIANTS[1])))
    with shared_between(3, monkeypatch):
        everything(problem(VARIANTS[1]))
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        processes = [context.Process(target=_in_process, args=(queue,)) for _ in range(2)]
        for process in processes:
            process.start()
        found = [queue.get(timeout=240) for _ in processes]
        for process in processes:
            process.join()
    assert found == [expected, expected]
