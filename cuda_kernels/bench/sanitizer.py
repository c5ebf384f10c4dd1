"""compute-sanitizer's racecheck and memcheck over ``cuda_kernels.bench.small``, where NVIDIA's tool is installed.

racecheck sees hazards in shared memory alone. Both take 10 to 100 times as long as the run itself.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

TOOLS = ("racecheck", "memcheck")
FOUND = 9
"""The exit status that it is asked for where something is found."""


def everything(seconds: float) -> dict[str, dict[str, Any]]:
    """By tool: ``status`` clean, found, failed, timed out or not available, and the last lines that it printed. Each
    may take so many seconds."""
    program = shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path="/usr/local/cuda/bin")
    return {tool: _run(program, tool, seconds) for tool in TOOLS}


def _run(program: str | None, tool: str, seconds: float) -> dict[str, Any]:
    if program is None:
        return {"status": "not available", "lines": ["compute-sanitizer is not installed"]}
    options = ["--tool", tool, "--error-exitcode", str(FOUND), "--target-processes", "all"]
    command = [program, *options, sys.executable, "-m", "cuda_kernels.bench.small"]
    root = Path(__file__).parents[2]
    try:
        run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {"status": "timed out", "lines": [f"after {seconds:.0f} s"]}
    words = {0: "clean", FOUND: "found"}.get(run.returncode, "failed")
    return {"status": words, "lines": (run.stdout + run.stderr).splitlines()[-5:]}
