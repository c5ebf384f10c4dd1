"""The copy problem at growing delay (L1.15, L4.5): symbols, a wait of T steps, and the symbols again.

Two of four symbols come in, then T blanks, then a sign to begin: now they are wanted, in their order. Guessing is wrong
in 3 of 4; a network has learned it when 1 in 20 is wrong. S. Hochreiter, J. Schmidhuber, Neural Computation 9 (1997);
M. Arjovsky, A. Shah, Y. Bengio, ICML 2016, with ten of eight symbols.
"""

import numpy as np

from refseq.experiments.experiment import Experiment
from refseq.experiments.learning import success
from refseq.experiments.learning.recipe import ADAM, CELLS, DTYPE, QUICK, SETTINGS, Task
from refseq.experiments.statistics import Statement
from refseq.losses import cross_entropy

SYMBOLS, KEPT, LEVEL = 4, 2, 0.05
INPUTS = SYMBOLS + 1
"""The symbols, and the sign to begin; a blank is zero."""


def draw(rng: np.random.Generator, length: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (KEPT + T + KEPT, B, INPUTS), and the symbols (KEPT, B)."""
    symbols = rng.integers(0, SYMBOLS, (KEPT, rows))
    x = np.zeros((KEPT + length + KEPT, rows, INPUTS), DTYPE)
    np.put_along_axis(x[:KEPT], symbols[:, :, None], 1, axis=2)
    x[KEPT + length, :, SYMBOLS] = 1
    return x, symbols


def judge(y: np.ndarray, wanted: np.ndarray) -> tuple[float, np.ndarray, float]:
    """Cross-entropy of the last outputs, and how many of them are wrong."""
    asked = y[-KEPT:]
    loss = cross_entropy(asked, wanted)
    dy = np.zeros_like(y)
    dy[-KEPT:] = loss.gradient
    return loss.value, dy, float((asked.argmax(axis=2) != wanted).mean())


TASK = Task(draw, judge, INPUTS, SYMBOLS, LEVEL, "share of wrong symbols")


def measure(configuration, seed):
    """See ``Task``."""
    return TASK.measure(configuration, seed)


def statements(found) -> list[Statement]:
    """See ``success``."""
    return success.told(found, "copy", KNOWN)


def picture(found):
    """See ``success``."""
    return success.drawn(found, "copying two symbols after T blanks", "T, blanks")


SETTLED = "nothing comes in during the wait: the state of a plain network settles, and keeps two symbols as it is"
KNOWN = dict.fromkeys(CELLS, SETTLED) | {"clipping": ADAM}

EXPERIMENT = Experiment(
    name="copy_memory",
    title="Copying symbols after a growing delay",
    sources=("L1.13", "L1.15", "L4.5"),
    settings={**SETTINGS, "length": (5, 10, 20, 40, 80)},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=10,
    quick={**QUICK, "updates": 300, "length": (2, 16)},
    quick_seeds=8,
)
