"""Timing by interleaved rounds.

In each round every library has its turn, in random order, so that a slow spell of the machine meets all alike. A turn
begins with a pause in which the threads of the library before go to sleep: OpenMP's and ONNX Runtime's spin for a
while, and would take the cores from whoever comes next. Then calls that are not timed wake up its own threads (unless
one call is long), and timed calls fill a slice of time; the sample of the round is their median.

Hostile: no pause, and before every timed call another library, torch, works with all its threads.
"""

import gc
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Call = Callable[[], object]
LONG = 0.05
"""Seconds of a call that needs no lead-in, and one call of which is a sample: waking up is little of it."""

FEWEST = 3
"""Rounds, at least, of a pass whose budget is spent."""

LEAST = 5
"""Timed calls of a turn, at least, where a call is not long: one that was disturbed does not matter."""


@dataclass(frozen=True)
class Timing:
    """``rounds``; ``pause`` in seconds; ``slice`` in seconds for the timed calls of one pass in one round; at most
    ``calls`` of them; a pass that has taken ``budget`` seconds has no turn after the third round, so that one slow
    library does not hold up the rest; ``hostile`` as above."""

    rounds: int = 7
    pause: float = 0.1
    slice: float = 0.03
    calls: int = 50
    budget: float = 10.0
    hostile: bool = False


def warm(call: Call) -> float:
    """Call twice, and return the seconds of the second: the first may compile, allocate, and start threads."""
    call()
    return once(call)


def once(call: Call) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleaved(
    turns: Mapping[str, Mapping[str, Call]], timing: Timing, between: Call, seed: int = 0
) -> dict[str, dict[str, list[float]]]:
    """The samples of every pass of every library, one for each round. ``between`` is the work of another library."""
    order, rng = list(turns), random.Random(seed)
    fastest = {name: {key: warm(call) for key, call in passes.items()} for name, passes in turns.items()}
    samples: dict[str, dict[str, list[float]]] = {name: {key: [] for key in turns[name]} for name in turns}
    spent: dict[tuple[str, str], float] = defaultdict(float)
    for _ in range(timing.rounds):
        rng.shuffle(order)
        gc.collect()  # and none while the clock runs
        for name in order:
            time.sleep(0 if timing.hostile else timing.pause)
            gc.disable()
            try:
                for key, call in turns[name].items():
                    if spent[name, key] > timing.budget and len(samples[name][key]) >= FEWEST:
                        continue
                    seconds = _turn(call, fastest[name][key], timing, between)
                    samples[name][key].append(float(np.median(seconds)))
                    fastest[name][key] = min(fastest[name][key], *seconds)
                    spent[name, key] += sum(seconds)
            finally:
                gc.enable()
    return samples


def _turn(call: Call, fastest: float, timing: Timing, between: Call) -> list[float]:
    """The timed calls of one turn; ``fastest`` is the fastest call so far."""
    lead = 0.0 if timing.hostile or fastest > LONG else timing.slice / 3
    while lead > 0:
        lead -= once(call)
    seconds: list[float] = []
    while len(seconds) < timing.calls:
        if timing.hostile:
            between()
        seconds.append(once(call))
        fastest = min(fastest, seconds[-1])
        if sum(seconds) > timing.slice and (len(seconds) >= LEAST or fastest > LONG):
            break
    return seconds
