"""Memory of checkpointed BPTT beside plain BPTT: peak resident memory, time, and whether every bit is the same.

    python benchmarks/checkpoint.py [--steps 100000] [--units 64] [--cell lstm]

Each is run in a process of its own; the peak of a process that does everything but the two passes is subtracted.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time

import numpy as np

import refseq

INPUTS, ROWS = 8, 1
WAYS = {"nothing": None, "plain": False, "checkpointed": True}


def work(cell: str, steps: int, units: int, way: str) -> dict[str, object]:
    """Forward and BPTT over one sequence; a digest of all results."""
    layer = refseq.layer(cell, INPUTS, units)
    params, rng = layer.initialise(seed=1), np.random.default_rng(2)
    x, dy = rng.normal(size=(steps, ROWS, INPUTS)), rng.normal(size=(steps, ROWS, layer.outputs))
    short = layer.forward(params, x[:2])
    layer.backward(short, dy[:2])  # compiled, whatever is measured
    start, digest = time.perf_counter(), hashlib.sha256()
    if WAYS[way] is not None:
        run = layer.forward(params, x, checkpoint=WAYS[way])
        grads = layer.backward(run, dy)
        for array in (run.y, grads.x, *grads.params.values(), *grads.state.values()):
            digest.update(array.tobytes())
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    return {"peak": peak, "seconds": seconds, "digest": digest.hexdigest()}


def measure(cell: str, steps: int, units: int, way: str) -> dict:
    """``work`` in a process of its own."""
    command = [sys.executable, __file__, "--cell", cell, "--steps", str(steps), "--units", str(units), "--way", way]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cell", default="lstm", choices=list(refseq.catalogue()))
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(work(given.cell, given.steps, given.units, given.way)))
        return
    found = {way: measure(given.cell, given.steps, given.units, way) for way in WAYS}
    base = found["nothing"]["peak"]
    print(f"{given.cell}, T = {given.steps}, H = {given.units}, I = {INPUTS}, B = {ROWS}, float64")
    print(f"{'':14}{'peak beyond inputs':>20}{'seconds':>10}")
    for way in ("plain", "checkpointed"):
        print(f"{way:14}{found[way]['peak'] - base:>16.0f} MiB{found[way]['seconds']:>10.2f}")
    ratio = (found["plain"]["peak"] - base) / (found["checkpointed"]["peak"] - base)
    same = found["plain"]["digest"] == found["checkpointed"]["digest"]
    print(f"memory plain / checkpointed {ratio:.1f}; results {'bitwise equal' if same else 'DIFFER'}")


if __name__ == "__main__":
    main()
