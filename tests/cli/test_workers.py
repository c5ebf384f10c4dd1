"""Judging in several processes: every result in its place, the news of a worker that died, an end on Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

from refseq.cli import main, workers
from refseq.cli.work import Work
from refseq.cli.workers import WorkerDied, in_this_process, in_workers


@dataclass(frozen=True)
class Sum(Work):
    """Adds its number to the worker's process id's place in the list of those seen."""

    number: int
    kind: str
    action: str = ""

    @property
    def title(self) -> str:
        return f"sum {self.number}"

    @property
    def group(self) -> str:
        return self.kind

    def run(self, progress=None):
        if self.action == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.action == "raise":
            raise ZeroDivisionError(f"in {self.title}")
        if self.action == "sleep":
            time.sleep(60)
        return self.number * 10, os.getpid()


def make(actions):
    return [Sum(number, "ab"[number % 2], action) for number, action in enumerate(actions)]


def apart(count):
    return [Sum(number, f"group {number}") for number in range(count)]


def run(actions, check=lambda: None):
    return list(in_workers(make, actions, make(actions), 2, check))


def test_every_result_is_there_and_a_group_stays_in_one_process():
    events = run([""] * 6)
    done = {event.number: event.result for event in events if event.done}
    assert {number: result[0] for number, result in done.items()} == {number: 10 * number for number in range(6)}
    for kind in (0, 1):
        assert len({done[number][1] for number in range(kind, 6, 2)}) == 1
    assert os.getpid() not in {process for _, process in done.values()}
    assert {event.number for event in events if not event.done} == set(range(6))


def test_workers_are_replaced_and_nothing_is_lost(monkeypatch):
    """More groups than two workers do: others go on."""
    monkeypatch.setattr(workers, "GROUPS", 2)
    events = list(in_workers(apart, 9, apart(9), 2, lambda: None))
    done = {event.number: event.result for event in events if event.done}
    assert {number: result[0] for number, result in done.items()} == {number: 10 * number for number in range(9)}
    assert len({process for _, process in done.values()}) >= 3


def test_it_is_the_same_in_this_process():
    events = [event for event in in_this_process(make([""] * 3), lambda _: None) if event.done]
    assert [event.result for event in events] == [(10 * number, os.getpid()) for number in range(3)]


def test_a_worker_that_dies_is_named():
    with pytest.raises(WorkerDied, match=r"while judging .*sum 0.*--jobs 1"):
        run(["die", ""])


def test_an_exception_in_a_worker_arrives():
    with pytest.raises(ZeroDivisionError, match="in sum 0"):
        run(["raise", ""])


def test_interrupted_workers_are_not_waited_for():
    started = time.perf_counter()

    def check():
        if time.perf_counter() - started > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(["sleep", "sleep"], check)
    assert time.perf_counter() - started < 40


SLEEPER = """
import os, time
from pathlib import Path

def make(layer):
    (Path(__file__).parent / f"{os.getpid()}.works").touch()
    time.sleep(600)
"""
"""What the workers judge: they leave a file each, and are not done."""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a terminal")
def test_control_c_of_a_terminal_leaves_no_process_and_no_traceback(tmp_path):
    """As a shell does it: to the whole group of processes, once both workers work."""
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    judged = [f"{tmp_path / 'sleeper.py'}:make", "--cell", "lstm", "--cell", "gru", "--jobs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "refseq", "verify", *judged],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while len(list(tmp_path.glob("*.works"))) < 2 and process.poll() is None:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in out + err
    assert "Traceback" not in err
    deadline = time.monotonic() + 10
    while alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(process.pid)


def alive(group: int) -> bool:
    """Whether a process of this group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("arguments", "jobs"), [(["refseq"], 3), ([f"{__file__}:none"], 1), (["refseq", "--jobs", "2"], 2)]
)
def test_code_of_ones_own_is_not_run_twice_at_a_time(arguments, jobs, monkeypatch):
    asked = []
    command = sys.modules["refseq.cli.verify"]  # refseq.cli.verify is its function
    monkeypatch.setattr(command, "usual_jobs", lambda: 3)
    monkeypatch.setattr(command, "rows", lambda selection: [])
    monkeypatch.setattr(command, "run", lambda *given: (asked.append(given[-1]), ({}, ""))[1])
    main(["verify", *arguments])
    assert asked == [jobs]
