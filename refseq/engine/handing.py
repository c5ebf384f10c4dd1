"""How a driver is run; and how it hands out a phase of a step in shares, and waits for them: the threads are the
driver's for the while.

Whoever is awake takes the next share, as in ``refseq.engine.threads``; where the threads have other work the driver
does all shares itself.
"""

import numpy as np
from numba.extending import register_jitable

from refseq.engine import threads
from refseq.engine.calling import RUN, caller
from refseq.engine.compiling import CFunction
from refseq.engine.job import FIELD, LINE, SPAN_LINE
from refseq.engine.memory import word

_call, _share = caller(9), caller(5)


@register_jitable
def hand(job, begin, t, phase):
    """The job's share function (job, part, begin, t, phase) for every part."""
    parts, function = word(job, FIELD.parts), word(job, FIELD.share)
    if word(job, FIELD.pool):
        call, give_way = word(job, FIELD.call), word(job, FIELD.give_way)
        _call(call, word(job, FIELD.pool), function, 5, parts, job, begin, t, phase, give_way)
    else:
        for part in range(parts):
            _share(function, job, part, begin, t, phase)


@register_jitable
def span(job, part, phase):
    """Where a part's instructions of a phase are, and how many."""
    line = word(job, FIELD.spans) + (phase * word(job, FIELD.parts) + part) * SPAN_LINE
    return word(job, FIELD.shares) + word(line, 0) * LINE, word(line, 1)


def drive(function: CFunction, words: np.ndarray, where: int, sharing: int, *rest: int) -> None:
    """Run a driver: its slices shared by so many threads, or on the only slice, with the threads to hand shares to."""
    if not words[FIELD.phases]:
        threads.share(function, sharing, where, *rest)
        return
    with threads.borrowed(int(words[FIELD.parts])) as hands:
        words[FIELD.pool], words[FIELD.call], words[FIELD.give_way] = hands
        RUN[2 + len(rest)](function.address, where, 0, *rest)
