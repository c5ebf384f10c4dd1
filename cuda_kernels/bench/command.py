"""Check, measure, write: what ``benchmarks/device.py`` runs.

Every part has its share of the time, and says what it did not reach.
"""

import datetime
import importlib.metadata
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cuda_kernels import gpu, places
from cuda_kernels.bench import ceilings, reach, report, sanitizer, speed, workers
from refseq import __version__

SHARES = {"checks": 0.45, "ceilings": 0.05, "speed": 0.35, "sanitizer": 0.15}
"""Of the minutes, in this order; what a part leaves goes to those behind it."""

PACKAGES = ("numba-cuda", "numba", "numpy", "cuda-bindings", "cuda-core", "nvidia-nvvm", "nvidia-nvjitlink")


def run(folder: Path, minutes: float, tiny: bool) -> int:
    """0 if all is well, 1 if a kernel computes something else or the sanitizer found something, 2 without a device."""
    why = gpu.missing()
    if why:
        sys.stderr.write(f"no device: {why}\nnothing was checked, nothing was measured\n")
        return 2
    began, whole = time.monotonic(), 60 * minutes
    ends, share = {}, 0.0
    for part, own in SHARES.items():
        share += own
        ends[part] = began + share * whole
    checked = workers.everything(tiny, ends["checks"])
    found, left = checked["checks"], checked["left"]
    bad = sum(bool(one["trouble"]) for one in found)
    _say(f"checks: {len(found)}, beyond their limit {bad}, not reached {left}")
    result: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": device(),
        "versions": versions(),
        "checks": found,
        "unchecked": left,
        "reached": reach.reached(checked["launched"], tiny),
    }
    result["ceilings"] = ceilings.measured(0.0 if tiny else 0.3, tiny)
    for name, one in result["ceilings"].items():
        _say(f"{name}: {one['value']:.3g} {one['unit']}")
    result["speed"] = speed.everything(tiny, ends["speed"], 0.0 if tiny else 0.3)
    remaining = max(began + whole - time.monotonic(), 1)
    tools = {} if gpu.SIMULATOR else sanitizer.everything(remaining / len(sanitizer.TOOLS))
    none = {"status": "not available", "lines": ["the simulator is no device"]}
    result["sanitizer"] = tools or dict.fromkeys(sanitizer.TOOLS, none)
    result["seconds"] = time.monotonic() - began
    for file in report.write(folder, result):
        _say(f"written: {file.name}")
    return int(bad > 0 or any(one["status"] == "found" for one in result["sanitizer"].values()))


def device() -> dict[str, Any]:
    """The device and its driver."""
    if gpu.SIMULATOR:
        return {"name": gpu.describe()}
    now = gpu.cuda.get_current_device()
    found = {"name": str(now.name), "compute capability": "{}.{}".format(*now.compute_capability)}
    found |= {"multiprocessors": now.MULTIPROCESSOR_COUNT, "memory": f"{places.memory_size() / 2**30:.1f} GiB"}
    program = shutil.which("nvidia-smi")
    if program is not None:
        command = [program, "--query-gpu=driver_version,clocks.max.sm", "--format=csv,noheader", f"--id={now.id}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        found["driver, highest clock"] = answer
    return found


def versions() -> dict[str, str]:
    """Of what makes the kernels."""
    found = {"refseq": __version__, "python": platform.python_version(), "system": platform.system()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
