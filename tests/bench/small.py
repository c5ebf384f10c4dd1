"""Tiny cases, one round, no pause: nothing in the tests depends on a time."""

from refseq.bench.cases import LayerCase
from refseq.bench.ceiling import Ceiling
from refseq.bench.clock import Timing
from refseq.bench.measure import measure
from refseq.bench.plans import Plan
from refseq.bench.shapes import Shape
from refseq.cli.rows import load

TINY = Shape(3, 2, 4, 5)
ONCE = Timing(rounds=1, pause=0.0, slice=0.0, calls=1)


def case(recurrence="elman", dtype="float32", shape=TINY, **options):
    return LayerCase(recurrence, tuple(options.items()), shape, dtype)


def ceiling(dtypes, threads):
    return Ceiling(dtypes, threads, size=4, moved=64)


def measured(plan, find=load):
    """The events of a plan in this process."""
    return list(measure(plan, find, ceiling))


def run(cases, libraries, find=load, timing=ONCE):
    """The measurements of a plan."""
    events = measured(Plan(tuple(cases), tuple(libraries), 1, timing), find)
    return [event for event in events if event["event"] == "measurement"]


def document(**changes):
    """A file of results by hand: refseq at 1 ms, torch at 2 ms."""
    content = {
        "schema": 1,
        "environment": {"processor": "a", "cores": 2, "python": "3.11"},
        "date": "2026-01-01",
        "threads": 2,
        "timing": {"rounds": 3, "pause": 0.0, "slice": 0.0, "calls": 1, "hostile": False},
        "libraries": {name: {"version": "1", "threads": "2"} for name in ("refseq", "torch")},
        "ceilings": {"2": {"gemm": {"float32": {"size": 4, "gflops": 100.0}}, "memory": {"bytes_per_second": 1e10}}},
        "measurements": [timed("refseq", 1e-3), timed("torch", 2e-3)],
        "memory": [],
        "interrupted": False,
    }
    return content | changes


def timed(library, seconds, curve="", size=3, threads=2):
    """One measurement by hand, with a spread of 1 %."""
    one = case(shape=Shape(size, 2, 4, 5))
    samples = [0.99 * seconds, seconds, 1.01 * seconds]
    times = {"median": seconds, "q1": 0.995 * seconds, "q3": 1.005 * seconds, "min": samples[0], "samples": samples}
    return {
        "library": library,
        "case": one.to_dict(),
        "key": one.key,
        "label": one.label,
        "size": one.size,
        "curve": curve,
        "hostile": False,
        "threads": threads,
        "flops": {passed: one.flops(passed) for passed in one.passes},
        "bytes": {passed: one.traffic(passed) for passed in one.passes},
        "status": "timed",
        "worst": "y",
        "error": 0.0,
        "limit": 1e-6,
        "passes": {"forward": times, "both": times},
    }
