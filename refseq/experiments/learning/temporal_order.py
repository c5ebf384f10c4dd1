"""Temporal order at growing length (L1.15, L4.5): which came first, and which second?

T symbols, four of which mean nothing. Two of them are X or Y, one in the second tenth of the sequence and one in the
sixth; at the end it is asked which of XX, XY, YX, YY they were. Guessing is wrong in 3 of 4; a network has learned it
when 1 in 20 is wrong. S. Hochreiter, J. Schmidhuber, Neural Computation 9 (1997), experiment 6a.
"""

import numpy as np

from refseq.experiments.experiment import Experiment
from refseq.experiments.learning import success
from refseq.experiments.learning.recipe import ADAM, DTYPE, QUICK, SETTINGS, Task
from refseq.experiments.statistics import Statement
from refseq.losses import cross_entropy

IDLE, ORDERS, LEVEL = 4, 4, 0.05
INPUTS = IDLE + 2
"""Symbols that mean nothing, then X and Y."""


def draw(rng: np.random.Generator, length: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """One-hot symbols (T, B, INPUTS), and the order (1, B): twice the first plus the second, X being 0 and Y 1."""
    symbols = rng.integers(0, IDLE, (length, rows))
    asked = rng.integers(0, 2, (2, rows))
    for which, tenth in zip(asked, (1, 5), strict=True):
        place = tenth * length // 10 + rng.integers(0, max(1, length // 10), rows)
        symbols[place, np.arange(rows)] = IDLE + which
    x = np.zeros((length, rows, INPUTS), DTYPE)
    np.put_along_axis(x, symbols[:, :, None], 1, axis=2)
    return x, (2 * asked[0] + asked[1])[None]


def judge(y: np.ndarray, wanted: np.ndarray) -> tuple[float, np.ndarray, float]:
    """Cross-entropy of the last output, and how many of them are wrong."""
    loss = cross_entropy(y[-1:], wanted)
    dy = np.zeros_like(y)
    dy[-1:] = loss.gradient
    return loss.value, dy, float((y[-1:].argmax(axis=2) != wanted).mean())


TASK = Task(draw, judge, INPUTS, ORDERS, LEVEL, "share of wrong answers")


def measure(configuration, seed):
    """See ``Task``."""
    return TASK.measure(configuration, seed)


def statements(found) -> list[Statement]:
    """See ``success``."""
    return success.told(found, "order", KNOWN)


def picture(found):
    """See ``success``."""
    return success.drawn(found, "the order of two of T symbols", "T, symbols in a sequence")


SLOW = "some seeds are not done within these updates"
KNOWN = {"relu identity": SLOW, "skip": SLOW, "gru": SLOW, "lstm_no_forget": SLOW, "clipping": ADAM}

EXPERIMENT = Experiment(
    name="temporal_order",
    title="Temporal order at growing length",
    sources=("L1.13", "L1.15", "L4.5"),
    settings={**SETTINGS, "length": (10, 20, 40, 80, 160)},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=10,
    quick={**QUICK, "length": (10, 40)},
    quick_seeds=10,
)
