"""Timing in turns, which the benchmarks of single systems share: as in ``refseq bench`` (docs/benchmarks.md)."""

import random
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter, sleep
from typing import Any

PAUSE = 0.02
"""Seconds between turns, in which the other's threads go to sleep."""
LEAD, TIMED = 0.02, 0.04
"""Seconds of calls before those that are timed, which wake threads and fill caches; and of these."""


def medians(calls: Mapping[str, Callable[[], Any]], rounds: int = 11) -> dict[str, float]:
    """The median time of each call, in milliseconds, over rounds in which all take turns in random order. A turn is a
    pause, calls that are not timed, and timed ones, whose median counts."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    shuffle = random.Random(0).shuffle
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            sleep(PAUSE)
            _repeated(calls[name], LEAD)
            times[name].append(median(_repeated(calls[name], TIMED)))
    return {name: median(found) for name, found in times.items()}


def _repeated(call: Callable[[], Any], seconds: float) -> list[float]:
    """Milliseconds of each call, for so long."""
    found, end = [], perf_counter() + seconds
    while not found or perf_counter() < end:
        start = perf_counter()
        call()
        found.append(1e3 * (perf_counter() - start))
    return found
