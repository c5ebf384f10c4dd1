"""Attention helps where sequences are long (L1.25, L2.7).

An encoder reads symbols, a decoder writes them down again. With a state of fixed length (L2.7) all symbols have to fit
into the encoder's last state, however many they are. With attention the decoder looks at the encoder's states at every
step, so that there are more of them for a longer sequence. Both are trained with sequences of 1 to ``longest`` symbols
and then write by themselves; the one without attention has half as many units again, and more parameters. D. Bahdanau,
K. Cho, Y. Bengio, ICLR 2015, section 5.2.1. Guessing is right in one of eight.

What is longer than anything in training is wrong for both: attention learns where to look from the states, which count
steps as far as they have been trained to.
"""

import numpy as np

from refseq.experiments import pictures
from refseq.experiments.data import dataset, setting
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, above, oftener
from refseq.experiments.systems import curves, sequences

NETWORKS = {"fixed": "last state only", "attention": "attention"}


def measure(configuration, seed):
    """Train one network, test it on all lengths."""
    n, longest = configuration["n"], configuration["longest"]
    attention = configuration["network"] == "attention"
    model = sequences.attentive(n) if attention else sequences.fixed(3 * n // 2)
    result = sequences.train(model, configuration, seed)
    lengths = sequences.tested(longest)
    return dataset(
        {
            **curves.curves(result, configuration["updates"], "right symbols, those before given,"),
            "right": (
                ("length",),
                sequences.right(model, result.params, lengths, seed),
                "1",
                "share of right symbols written after training",
            ),
            "parameters": ((), sum(value.size for value in result.params.values()), "1", "numbers that are learned"),
        },
        {
            "update": curves.coordinate(configuration["updates"]),
            "length": (("length",), np.array(lengths), "1", "symbols of a sequence"),
        },
    )


def statements(found) -> list[Statement]:
    """How far attention is ahead, and that it is more so for longer sequences."""
    longest = setting(found, "longest")
    attention, fixed = (found.right.sel(network=name).transpose("length", "seed") for name in ("attention", "fixed"))
    ahead = attention - fixed
    half, whole = (ahead.sel(length=length).values for length in (max(1, longest // 4), longest))
    return [
        above("L1.25", f"attention: symbols right, length {longest}", attention.sel(length=longest).values, 0.9),
        oftener("L2.7", f"attention writes more symbols right than the last state, length {longest}", whole),
        above("L2.7", f"symbols right by attention less without, length {longest}", whole, 0.0, "above 0"),
        above(
            "L2.7",
            f"how much more it is ahead at length {longest} than at {max(1, longest // 4)}",
            whole - half,
            0.0,
            "above 0: longer sequences lose more in one state",
        ),
    ]


def picture(found):
    """Curves, and what is right by length."""
    figure, axes = pictures.figure(3, 1, width=4.4)
    curves.drawn(axes[0, :2], found, "network", NETWORKS)
    axes[0, 0].set_title("loss in training")
    axes[0, 1].set_title("share of right symbols in training, those before given")
    curves.by_length(axes[0, 2], found, "right", "network", NETWORKS, setting(found, "longest"))
    axes[0, 2].set_title("share of right symbols by length, own outputs")
    curves.chance(axes[0, 1:], 1 / sequences.SYMBOLS)
    return figure


EXPERIMENT = Experiment(
    name="attention_length",
    title="Attention against one state of fixed length, by length of the sequence",
    sources=("L1.25", "L2.7"),
    settings={
        "n": 32,
        "longest": 16,
        "rows": 32,
        "updates": 2000,
        "rate": 0.005,
        "norm": 1.0,
        "network": tuple(NETWORKS),
    },
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"longest": 8, "updates": 250, "rate": 0.01},
    quick_seeds=7,
)
