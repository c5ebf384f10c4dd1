"""The checks in several processes: compiling hundreds of kernels takes most of their time, and one core.

``python -m cuda_kernels.bench.workers NUMBER COUNT SECONDS [tiny]`` is one of them: it takes every COUNT-th check and
prints a line of JSON for each, then which kernels it has launched and how many checks it did not reach.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cuda_kernels.bench import checks, reach

MOST = 12
"""Processes: each has a context on the device."""

GRACE = 60.0
"""Seconds that a check may take beyond the end of its time."""

ROOT = Path(__file__).parents[2]


def everything(tiny: bool, until: float) -> dict[str, Any]:
    """``checks`` as dicts, how many were ``left`` when the clock (``time.monotonic``) said ``until``, and what was
    ``launched``. A process that ends before its work is a check with trouble."""
    count = 1 if tiny else max(1, min(MOST, (os.cpu_count() or 1) - 1))
    seconds = until - time.monotonic()
    environment = os.environ | {"NUMBA_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(number), str(count), str(seconds), *["tiny"] * tiny],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    found: dict[str, Any] = {"checks": [], "left": 0, "launched": set()}
    for number, process in enumerate(running):
        _collect(found, number, process, max(until + GRACE - time.monotonic(), 1))
    return found


def _collect(found: dict[str, Any], number: int, process: Any, seconds: float) -> None:
    try:
        out, words = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, words = process.communicate()
    *lines, last = [json.loads(line) for line in out.splitlines() if line.endswith("}")] or [{}]
    if "launched" in last:
        found["launched"] |= set(last["launched"])
        found["left"] += last["left"]
    else:
        lines += [last] * bool(last)
        trouble = f"ended with status {process.returncode}: {(words.splitlines() or [''])[-1]}"
        lines.append(checks.Check(f"process {number}", "", "", "", float("inf"), 0.0, trouble).to_dict())
    found["checks"] += lines


def main(number: int, count: int, seconds: float, tiny: bool) -> None:
    """One of the processes."""
    with reach.launched() as launched:
        left = checks.everything(tiny, time.monotonic() + seconds, _say, slice(number, None, count))
    names = [name for name, kernel in reach.kernels(tiny).items() if id(kernel) in launched]
    _say({"launched": names, "left": left})


def _say(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), "tiny" in sys.argv[4:])
