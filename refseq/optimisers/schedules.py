"""Learning rates as functions of the number of steps already made: 0, 1, 2 ...

A schedule for ``refseq.training`` is a function of the step alone: ``functools.partial(cosine, rate=0.1, steps=1000)``.
"""

import math


def constant(step: int, rate: float) -> float:
    """The same rate at every step."""
    return rate


def step_decay(step: int, rate: float, every: int, factor: float) -> float:
    """rate factor^floor(step / every)."""
    return rate * factor ** (step // every)


def cosine(step: int, rate: float, steps: int, final: float = 0.0) -> float:
    """final + (rate - final) (1 + cos(pi step / steps)) / 2, and final from ``steps`` on. I. Loshchilov, F. Hutter,
    SGDR, ICLR 2017, eq. 5, without restarts."""
    return final + (rate - final) * (1.0 + math.cos(math.pi * min(step, steps) / steps)) / 2.0


def warm_up(step: int, steps: int) -> float:
    """A factor that rises linearly from 1/steps at step 0 to 1 at step steps - 1, and stays there."""
    return min(1.0, (step + 1) / steps)
