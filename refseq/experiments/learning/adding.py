"""The adding problem at growing length (L1.15, L4.5): who can still connect the ends.

T steps of a random number and a mark; two steps are marked, one in each half; at the end the sum of their numbers is
wanted. Answering 1 always has the mean squared error 1/6; a network has learned it when the error is below 1/50. An
Elman network's gradients vanish over T steps and it stays at 1/6; gates, a leak, or the identity keep them alive. S.
Hochreiter, J. Schmidhuber, Neural Computation 9 (1997), section 5.4.
"""

from refseq.experiments.experiment import Experiment
from refseq.experiments.learning import success
from refseq.experiments.learning.recipe import ADAM, QUICK, SETTINGS, Task
from refseq.experiments.learning.sums import draw, judge
from refseq.experiments.statistics import Statement

LEVEL = 0.02


TASK = Task(draw, judge, 2, 1, LEVEL, "mean squared error")


def measure(configuration, seed):
    """See ``Task``."""
    return TASK.measure(configuration, seed)


def statements(found) -> list[Statement]:
    """See ``success``."""
    return success.told(found, "adding", KNOWN)


def picture(found):
    """See ``success``."""
    return success.drawn(found, "adding two of T numbers", "T, numbers in a sequence")


SLOW = "it learns more slowly, and some or all seeds are not done within these updates"
KNOWN = {"leaky": SLOW, "skip": SLOW, "lstm_no_forget": SLOW, "clipping": ADAM}

EXPERIMENT = Experiment(
    name="adding",
    title="The adding problem at growing length",
    sources=("L1.13", "L1.15", "L4.5"),
    settings={**SETTINGS, "length": (10, 20, 40, 80, 160)},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=10,
    quick={**QUICK, "length": (6, 24)},
    quick_seeds=8,
)
