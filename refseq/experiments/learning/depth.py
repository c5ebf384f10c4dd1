"""Depth (L0.2): does it matter less in a recurrent network than elsewhere?

The adding problem with one to four hidden layers and always about as many parameters, so that deeper ones are narrower:
recurrent networks that read it step by step, and for "elsewhere" a feed-forward network (tanh) that is given all T
steps at once. What a layer more is worth is told as powers of ten of the error at the end of training, the same number
of updates for all. A recurrent network is deep already, T layers with the same weights.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

import refseq
from refseq.experiments import pictures
from refseq.experiments.data import dataset, setting
from refseq.experiments.experiment import Experiment
from refseq.experiments.learning.recipe import initialised, train
from refseq.experiments.learning.sums import draw, judge
from refseq.experiments.statistics import Statement, above, below

NETWORKS = ("lstm", "gru", "feed_forward")
ALIKE = 0.3
"""Powers of ten, a factor of 2: what is less does not matter."""
KNOWN = {"lstm": "errors of one layer differ by a factor of 28 between seeds: 20 are too few"}


def model_of(network: str, layers: int, n: int, length: int):
    """Hidden layers of n units under a linear output."""
    if network == "feed_forward":
        sizes = [2 * length] + [n] * layers
        hidden = [refseq.layer("output", below, above, activation="tanh") for below, above in pairwise(sizes)]
    else:
        hidden = [refseq.layer(network, 2, n, layers=layers)]
    return refseq.stack(*hidden, refseq.layer("output", n, 1))


def parameters_of(network: str, layers: int, n: int, length: int) -> int:
    """How many parameters it has."""
    return sum(int(np.prod(shape)) for shape in model_of(network, layers, n, length).shapes.values())


def width(network: str, layers: int, budget: int, length: int) -> int:
    """The largest n with no more parameters than the budget."""
    n = 1
    while parameters_of(network, layers, n + 1, length) <= budget:
        n += 1
    return n


def measure(configuration, seed):
    """The error after all updates."""
    network, layers, length = configuration["network"], configuration["layers"], configuration["length"]
    n = width(network, layers, configuration["budget"], length)
    model = model_of(network, layers, n, length)
    rows = configuration["rows"]

    def batch(rng):
        x, wanted = draw(rng, length, rows)
        return (x.transpose(1, 0, 2).reshape(1, rows, 2 * length) if network == "feed_forward" else x), wanted

    result = train(model, initialised(model, seed), batch, judge, configuration, seed)
    last = result.errors[-len(result.errors) // 10 :]
    return dataset(
        {
            "late": ((), np.log10(last.mean()), "1", "log10 of the mean squared error of the last tenth of updates"),
            "units": ((), n, "1", "units in each layer"),
        }
    )


def gain(found, network: str) -> np.ndarray:
    """By seed, the powers of ten by which the best of the deeper ones is better than one layer, less than 0 if it is
    worse; which of them is best is told by the other seeds' mean, so that it is not chosen by its luck."""
    late = found.late.sel(network=network).transpose("seed", "layers").values
    deeper = late[:, 1:]
    others = (deeper.sum(axis=0) - deeper) / max(len(late) - 1, 1)
    return late[:, 0] - np.take_along_axis(deeper, others.argmin(axis=1)[:, None], axis=1)[:, 0]


def statements(found) -> list[Statement]:
    """What depth is worth, and whether it is worth less than elsewhere."""
    told, names = [], list(map(str, found.network.values))
    for name in (name for name in names if name != "feed_forward"):
        words = f"{name}: powers of ten that the best depth gains over one layer"
        little = below("L0.2", words, gain(found, name), ALIKE, "below 0.3, a factor of 2")
        told.append(replace(little, known=KNOWN.get(name, "")))
        if "feed_forward" in names:
            more = gain(found, "feed_forward") - gain(found, name)
            words = f"powers of ten that depth gains, feed_forward less {name}"
            less = above("L0.2", words, more, 0.0, "above 0: it matters less here")
            told.append(replace(less, known=KNOWN.get(name, "")))
    return told


def picture(found):
    """Error by depth."""
    figure, axes = pictures.figure(1, 1, width=5.6)
    ax, layers = axes[0, 0], found.layers.values
    for k, (name, colour) in enumerate(pictures.label_lines(list(map(str, found.network.values)))):
        one = found.sel(network=name)
        units = ", ".join(str(int(n)) for n in one.units.median("seed").values)
        label = f"{name.replace('_', '-')}: {units} units a layer"
        values = 10.0 ** one.late.transpose("seed", "layers").values
        pictures.band(ax, layers, values, colour, label, marker="osD"[k], markersize=5)
    ax.axhline(1 / 6, color="black", label="always answering 1: 1/6", **pictures.THEORY)
    length, budget = setting(found, "length"), setting(found, "budget")
    ax.set(xlabel="hidden layers", ylabel="mean squared error, end of training")
    ax.set_title(f"adding two of {length} numbers, about {budget} parameters each")
    ax.set_xticks(layers, [str(int(k)) for k in layers])
    ax.legend(loc="best")
    return figure


EXPERIMENT = Experiment(
    name="depth",
    title="Depth in recurrent networks and elsewhere",
    sources=("L0.2", "L1.5"),
    settings={
        "length": 20,
        "budget": 5000,
        "rows": 32,
        "updates": 3000,
        "rate": 0.005,
        "norm": 1.0,
        "network": NETWORKS,
        "layers": (1, 2, 3, 4),
    },
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={
        "length": 8,
        "budget": 1200,
        "rows": 16,
        "updates": 300,
        "rate": 0.02,
        "network": ("lstm", "feed_forward"),
        "layers": (1, 2),
    },
    quick_seeds=8,
)
