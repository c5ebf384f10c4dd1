"""Reading the source backwards eases learning (L2.8), where one state of fixed length is all that the decoder has.

The first symbol to be written is then the last one that was read: the shortest of the ways that gradients have to go
gets short, though they are as long as before on average. The same network, with the same draws, copies sequences of 1
to ``longest`` symbols, read forward and backwards. I. Sutskever, O. Vinyals, Q. Le, NeurIPS 2014, section 3.3.

The advantage is one within the lengths that were trained.
"""

import numpy as np

from refseq.experiments import pictures
from refseq.experiments.data import dataset, setting
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, above, below, oftener
from refseq.experiments.systems import curves, sequences

READING = {"forward": "source read forward", "backwards": "source read backwards"}


def measure(configuration, seed):
    """Train one network, test it on all lengths."""
    longest, updates = configuration["longest"], configuration["updates"]
    model = sequences.fixed(configuration["n"], reverse_source=configuration["reading"] == "backwards")
    result = sequences.train(model, configuration, seed)
    lengths = sequences.tested(longest)
    return dataset(
        {
            **curves.curves(result, updates, "right symbols, those before given,"),
            "right": (
                ("length",),
                sequences.right(model, result.params, lengths, seed),
                "1",
                "share of right symbols written after training",
            ),
        },
        {
            "update": curves.coordinate(updates),
            "length": (("length",), np.array(lengths), "1", "symbols of a sequence"),
        },
    )


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
    figure, axes = pictures.figure(3, 1, width=4.4)
    curves.drawn(axes[0, :2], found, "reading", READING)
    axes[0, 0].set_title("loss in training")
    axes[0, 1].set_title("share of right symbols in training, those before given")
    curves.by_length(axes[0, 2], found, "right", "reading", READING, setting(found, "longest"))
    axes[0, 2].set_title("share of right symbols by length, own outputs")
    curves.chance(axes[0, 1:], 1 / sequences.SYMBOLS)
    return figure


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
