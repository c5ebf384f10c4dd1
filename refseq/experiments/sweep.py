"""All measurements of a plan, on this machine's cores or on a Dask cluster, through joblib.

Workers store results and send nothing back but the seconds they took, and tasks are made as they are sent: memory does
not grow with their number. A task that is sent twice, because a worker died, finds what is stored.
"""

import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from refseq.experiments.experiment import Plan
from refseq.experiments.tasks import Task, complete, source_digest

PATIENCE = 10.0
"""Seconds until a cluster that does not answer is given up."""


def tasks(plan: Plan, folder: Path) -> Iterator[Task]:
    """Every task of a plan, in the order of ``Plan.places``."""
    digest = source_digest(plan.experiment)
    place = str((folder / "tasks" / plan.experiment.name).absolute())
    for _, configuration, seed in plan.places():
        yield Task(plan.experiment.module, configuration, seed, digest, place)


def usual_jobs() -> int:
    """The processors of this process."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@contextmanager
def workers(jobs: int | None = None, dask: str | None = None) -> Iterator[Any]:
    """Where tasks run: this many local processes (1: this one), or the Dask cluster at an address. Each worker keeps to
    one thread, as there is one for each core. Raises OSError where no cluster answers."""
    import joblib

    options: Any = {"return_as": "generator_unordered", "pre_dispatch": "3*n_jobs"}
    with ExitStack() as opened:
        if dask is not None:
            from distributed import Client

            client = opened.enter_context(Client(dask, timeout=PATIENCE, set_as_default=True))
            client.wait_for_workers(1, timeout=3 * PATIENCE)
            opened.enter_context(joblib.parallel_config(backend="dask"))
            yield joblib.Parallel(n_jobs=-1, **options)
            return
        count = usual_jobs() if jobs is None else jobs
        if count > 1:
            # loky replaces a worker whose memory has grown, as it does by compiling; no task is lost
            opened.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
            opened.enter_context(joblib.parallel_config(backend="loky", inner_max_num_threads=1))
        options["batch_size"] = 1
        yield joblib.Parallel(n_jobs=count, **options)


def sweep(work: Iterator[Task], parallel: Any) -> Iterator[float]:
    """Complete what is not stored yet; yields the seconds of every task, 0 for what was stored, as they get done."""
    import joblib

    found = 0

    def remaining() -> Iterator[Any]:
        nonlocal found
        for task in work:
            if task.file.exists():
                found += 1
            else:
                yield joblib.delayed(complete)(task)

    with _deaf():
        done = parallel(remaining())
    told = 0
    for seconds in done:
        yield from [0.0] * (found - told)
        told = found
        yield seconds
    yield from [0.0] * (found - told)


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that start meanwhile do not hear Ctrl-C: their parent does, and ends them."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not the main thread, which alone hears it
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
