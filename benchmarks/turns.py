"""Timing in turns, which the benchmarks of single systems share."""

import random
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter, sleep
from typing import Any

PAUSE = 0.02
"""Seconds between calls, in which the other's threads go to sleep."""
WARM, TIMED = 0.02, 0.04
"""Seconds of calls before those that are timed, and of these, where threads are to be awake."""


def medians(calls: Mapping[str, Callable[[], Any]], rounds: int = 11) -> dict[str, float]:
    """The median time of each call, in milliseconds, of rounds in which all take turns in random order. A call is made
    twice in each of them, and the second one is timed: the first brings its data back into the caches."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    shuffle = random.Random(0).shuffle
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            sleep(PAUSE)
            calls[name]()
            start = perf_counter()
            calls[name]()
            times[name].append(1e3 * (perf_counter() - start))
    return {name: median(found) for name, found in times.items()}


def awake(calls: Mapping[str, Callable[[], Any]], rounds: int = 5) -> dict[str, float]:
    """As ``medians``, of calls that follow one another, so that the library's threads are awake: the best round's
    median."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            sleep(PAUSE)
            _repeated(call, WARM)
            times[name].append(median(_repeated(call, TIMED)))
    return {name: min(found) for name, found in times.items()}


def _repeated(call: Callable[[], Any], seconds: float) -> list[float]:
    """Milliseconds of each call, for so long."""
    found, end = [], perf_counter() + seconds
    while not found or perf_counter() < end:
        start = perf_counter()
        call()
        found.append(1e3 * (perf_counter() - start))
    return found
