"""Runs a plan in a process whose environment gives every library the same number of threads.

Most libraries read it when they are loaded, so it cannot be set in the process that asks.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator

from refseq.bench.measure import Event
from refseq.bench.plans import Plan

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "NPROC")
"""OpenMP (torch), MKL (torch), OpenBLAS (numpy), numba (refseq) and JAX's thread pool."""

CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from refseq.bench.child import main; main()"
TOLD = 2000
"""Characters of what a dead child said that are repeated."""


class ChildDied(Exception):  # noqa: N818 - news of another process
    """The measuring process ended before its plan; the message has its status and its last words."""


def events(plan: Plan) -> Generator[Event]:
    """What ``measure`` yields, from a child. It is killed when the iterator is closed; raises ChildDied."""
    environment = os.environ | dict.fromkeys(THREADS, str(plan.threads))
    command = [sys.executable, "-P", "-c", CODE, json.dumps(sys.path)]
    with tempfile.TemporaryFile("w+") as words:
        # a session of its own: Ctrl-C comes here, and what is half-written there is never read
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            env=environment,
            text=True,
            start_new_session=True,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(json.dumps(plan.to_dict()))
            child.stdin.close()
            for line in child.stdout:
                yield json.loads(line)
            status = child.wait()
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        if status:
            words.seek(0)
            raise ChildDied(f"the measuring process ended with status {status}: {words.read()[-TOLD:].strip()}")
