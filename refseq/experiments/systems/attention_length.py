"""Attention helps where sequences are long (L1.25, L2.7).

An encoder reads symbols, a decoder writes them down again. With a state of fixed length (L2.7) all symbols have to fit
into the encoder's last state, however many they are. With attention the decoder looks at the encoder's states at every
step, so that there are more of them for a longer sequence. Both are trained with sequences of 1 to ``longest`` symbols
and then write by themselves; the one without attention has half as many units again, and more parameters. D. Bahdanau,
K. Cho, Y. Bengio, ICLR 2015, section 5.2.1. Guessing is right in one of eight.

What is longer than anything in training is wrong for both: attention learns where to look from the states, which count
steps as far as they have been trained to.
"""

from refseq.experiments.data import setting
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, above, oftener
from refseq.experiments.systems import sequences

NETWORKS = {"fixed": "last state only", "attention": "attention"}


def measure(configuration, seed):
    """Train one network, test it on all lengths."""
    n = configuration["n"]
    attention = configuration["network"] == "attention"
    model = sequences.attentive(n) if attention else sequences.fixed(3 * n // 2)
    return sequences.measured(model, configuration, seed)


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
    return sequences.picture(found, "network", NETWORKS)


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
