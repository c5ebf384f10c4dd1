"""Times on the device: CUDA events around every call on the default stream, which every other stream here waits for.

A sample has the host's share as well where the device waits for it: it is what a caller sees. The simulator's events
have no time; there the host's clock stands in, and nothing is to be learnt from it.
"""

import time
from collections.abc import Callable
from typing import Any

from cuda_kernels import gpu
from refseq.bench.spread import summary

FEWEST, MOST = 5, 200


def timed(call: Callable[[], Any], seconds: float) -> dict[str, Any]:
    """Median, quartiles and samples, in seconds, of calls for about so many seconds. The first two are not counted:
    they compile, allocate, and choose algorithms."""
    call()
    call()
    synchronize()
    samples: list[float] = []
    began = time.perf_counter()
    fewest = 1 if gpu.SIMULATOR else FEWEST
    while len(samples) < fewest or (time.perf_counter() - began < seconds and len(samples) < MOST):
        samples.append(_once(call))
    return summary(samples)


def _once(call: Callable[[], Any]) -> float:
    if gpu.SIMULATOR:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began
    first, last = gpu.cuda.event(timing=True), gpu.cuda.event(timing=True)
    first.record()
    call()
    last.record()
    last.synchronize()
    return first.elapsed_time(last) / 1000  # of milliseconds


def synchronize() -> None:
    """Wait for everything on the device."""
    gpu.cuda.synchronize()
