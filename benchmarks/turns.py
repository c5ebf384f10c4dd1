"""Timing in turns, which the benchmarks of single systems share."""

import random
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter, sleep
from typing import Any

PAUSE = 0.02
"""Seconds between calls, in which the other's threads go to sleep."""


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
