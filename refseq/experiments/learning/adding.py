"""The adding problem at growing length (L1.15, L4.5): who can still connect the ends.

T steps of a random number and a mark; two steps are marked, one in each half; at the end the sum of their numbers is
wanted. Answering 1 always has the mean squared error 1/6; a network has learned it when the error is below 1/50. An
Elman network's gradients vanish over T steps and it stays at 1/6; gates, a leak, or the identity keep them alive. S.
Hochreiter, J. Schmidhuber, Neural Computation 9 (1997), section 5.4.
"""

from functools import partial

from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.learning import success
from refseq.experiments.learning.recipe import ADAM, CELLS, CLIPPING, QUICK_CELLS, network, train
from refseq.experiments.learning.sums import draw, judge
from refseq.experiments.statistics import Statement

LEVEL = 0.02


def measure(configuration, seed):
    """One training."""
    model, params = network(configuration["cell"], 2, configuration["n"], 1, seed)
    drawn = partial(draw, length=configuration["length"], rows=configuration["rows"])
    result = train(model, params, drawn, judge, configuration, seed, LEVEL)
    return dataset(
        {
            "learned": ((), int(result.learned), "1", "1 if the squared error came below the level, else 0"),
            "updates": ((), len(result.errors), "1", "updates made until then, or all"),
            "late": ((), result.late, "1", "mean squared error of the last batches"),
        }
    )


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
    settings={
        "n": 32,
        "rows": 32,
        "updates": 2000,
        "rate": 0.005,
        "norm": 1.0,
        "cell": tuple(CELLS),
        "clipping": tuple(CLIPPING),
        "length": (10, 20, 40, 80, 160),
    },
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=10,
    quick={
        "n": 16,
        "rows": 16,
        "updates": 400,
        "rate": 0.02,
        "cell": QUICK_CELLS,
        "clipping": ("norm",),
        "length": (6, 24),
    },
    quick_seeds=8,
)
