"""Reading the source backwards eases learning (L2.8), where one state of fixed length is all that the decoder has.

The first symbol to be written is then the last one that was read: the shortest of the ways that gradients have to go
gets short, though they are as long as before on average. The same network, with the same draws, copies sequences of 1
to ``longest`` symbols, read forward and backwards. I. Sutskever, O. Vinyals, Q. Le, NeurIPS 2014, section 3.3.

The advantage is one within the lengths that were trained.
"""

from refseq.experiments.data import setting
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, above, below, oftener
from refseq.experiments.systems import curves, sequences

READING = {"forward": "source read forward", "backwards": "source read backwards"}


def measure(configuration, seed):
    """Train one network, test it on all lengths."""
    model = sequences.fixed(configuration["n"], reverse_source=configuration["reading"] == "backwards")
    return sequences.measured(model, configuration, seed)


def statements(found) -> list[Statement]:
    """The loss at the end of training, and what is written right."""
    backwards, forward = (found.sel(reading=name) for name in ("backwards", "forward"))
    less = (curves.late(backwards) - curves.late(forward)).values
    longest = setting(found, "longest")
    trained = {"length": [int(length) for length in found.length if length <= longest]}
    more = (backwards.right - forward.right).sel(trained).mean("length").values
    return [
        below("L2.8", "late loss, source read backwards less forward", less, 0.0, "below 0: it is easier"),
        oftener("L2.8", "the late loss is lower when the source is read backwards", -less),
        above("L2.8", "symbols right at trained lengths, backwards less forward", more, 0.0, "above 0"),
    ]


def picture(found):
    """Curves, and what is right by length."""
    return sequences.picture(found, "reading", READING)


EXPERIMENT = Experiment(
    name="reversed_source",
    title="A source that is read backwards",
    sources=("L2.8",),
    settings={
        "n": 64,
        "longest": 12,
        "rows": 32,
        "updates": 3000,
        "rate": 0.005,
        "norm": 1.0,
        "reading": tuple(READING),
    },
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"n": 32, "longest": 8, "updates": 600, "rate": 0.01},
    quick_seeds=8,
)
