"""Sweeps whose processes are killed: nothing is lost, and nothing that was stored is done again."""

import inspect
import os
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import pytest

from refseq.experiments import results
from refseq.experiments.sweep import sweep, tasks, workers
from tests.experiments import tiny

SCRIPT = """
import sys
from pathlib import Path
from refseq.experiments.sweep import sweep, tasks, workers
from tests.experiments import tiny
plan = tiny.EXPERIMENT.plan({"log": sys.argv[2]}, 15)
with workers(2) as parallel:
    for seconds in sweep(tasks(plan, Path(sys.argv[1])), parallel):
        print(seconds > 0, flush=True)
"""


def lines(log: Path) -> tuple[Counter, Counter]:
    """What was begun and what was ended, each with how often."""
    told = [line.split(" ", 1) for line in log.read_text().splitlines()] if log.exists() else []
    begun, ended = (Counter(name for word, name in told if word == wanted) for wanted in ("begun", "ended"))
    return begun, ended


def wait_for(ended: int, log: Path) -> None:
    limit = time.monotonic() + 60
    while sum(lines(log)[1].values()) < ended:
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_kill_9_and_again_goes_on(tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "out"), str(log)]
    first = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    wait_for(10, log)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    time.sleep(0.3)  # loky's workers notice that their parent is gone
    stored = len(list((tmp_path / "out").rglob("*.nc")))
    assert 8 <= stored < 60
    with workers(1) as parallel:
        seconds = list(sweep(tasks(tiny.EXPERIMENT.plan({"log": str(log)}, 15), tmp_path / "out"), parallel))
    assert (seconds.count(0.0), len(seconds)) == (stored, 60)
    begun, ended = lines(log)
    assert len(ended) == 60
    assert sum(begun.values()) <= 60 + 4  # two in flight, each perhaps ended and not yet stored


def test_a_dask_cluster_that_loses_a_worker(tmp_path):
    """Two worker processes; one is killed in mid-run, and the cluster starts another."""
    from distributed import LocalCluster

    log, killed = tmp_path / "log", False
    plan = tiny.EXPERIMENT.plan({"log": str(log)}, 15)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]
        with workers(dask=cluster.scheduler_address) as parallel:
            for done, _ in enumerate(sweep(tasks(plan, tmp_path), parallel), 1):
                if done == 10:
                    stored = {file.name: file.stat().st_mtime_ns for file in tmp_path.rglob("*.nc")}
                    os.kill(pids[0], signal.SIGKILL)
                    killed = True
    assert killed
    assert done == 60  # every task is told once
    begun, ended = lines(log)
    assert len(ended) == 60
    again = [name for name, times in begun.items() if times > 1]
    assert len(again) <= 2  # what was in flight on the one worker
    for file in tmp_path.rglob("*.nc"):  # what was stored is left as it is
        assert stored.get(file.name, file.stat().st_mtime_ns) == file.stat().st_mtime_ns
    with results.load(results.join(plan, tmp_path)) as found:
        assert found.number.notnull().all()


def test_no_cluster_is_said_so(monkeypatch):
    monkeypatch.setattr("refseq.experiments.sweep.PATIENCE", 0.5)
    with pytest.raises(OSError, match="Timed out"), workers(dask="tcp://127.0.0.1:9"):
        pass


def test_workers_that_loky_replaces_are_no_news(recwarn):
    from joblib.externals.loky import process_executor

    told = "A worker stopped while some jobs were given"
    assert told in inspect.getsource(process_executor)
    with workers(2):
        warnings.warn(f"{told} to the executor.", UserWarning, stacklevel=1)
    assert [str(one.message) for one in recwarn if told in str(one.message)] == []
    with workers(1):
        warnings.warn(told, UserWarning, stacklevel=1)
    assert len([one for one in recwarn if told in str(one.message)]) == 1
