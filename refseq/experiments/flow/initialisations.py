"""Initialisations of W_hh (L0.4): how a gradient's second moment changes by step.

Every scheme has E ||W v||^2 = g ||v||^2: g = 1 for Glorot (uniform with variance 1/n), orthogonal and identity, 2 for
He. A linear network changes gradients by g in a step; ReLU, which lets half of the units through, by g/2. Two are no
averages but theorems: an orthogonal linear network keeps the norm exactly, and so does the identity with ReLU, since a
unit that is on stays on (Q. Le et al., arXiv:1504.00941); with the units that are off it loses half once.
"""

import numpy as np

import refseq
from refseq.dynamics import growth
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.flow.pulse import per_step, pulse
from refseq.experiments.statistics import Statement, always, equals

GAINS = {"glorot": 1.0, "he": 2.0, "orthogonal": 1.0, "identity": 1.0}
EXACT = (("orthogonal", "identity"), ("identity", "relu"), ("identity", "identity"))
"""Scheme and function whose rate is 1 in every draw."""
ROUNDING = 1e-12
"""More than a thousand roundings of each of some hundred products in sequence."""


def measure(configuration, seed):
    """Second moments by time; growth without the last step, where units that are off are left out once."""
    steps = configuration["steps"]
    layer = refseq.layer("elman", inputs=1, units=configuration["n"], activation=configuration["function"])
    params = layer.initialise(seed, configuration["scheme"])
    forward, backward = pulse(layer, params, steps, seed)
    return dataset(
        {
            "activation": (("t",), forward, "1", "second moment of h_t"),
            "gradient": (("t",), backward, "1", "squared norm of dL/dh_t, L at the last step"),
            "gradient_growth": ((), per_step(backward[:-1][::-1], steps - 2), "1 per step", "growth of it, going back"),
        },
        {"t": (("t",), np.arange(1, steps + 1), "step", "time")},
    )


def statements(found) -> list[Statement]:
    """Exact ones for every draw, the others on average."""
    told = []
    for scheme in map(str, found.scheme.values):
        for function in map(str, found.function.values):
            values = found.gradient_growth.sel(scheme=scheme, function=function).values
            words = f"{scheme}, {NAMES[function]}: |dL/dh|² grows per step back"
            if (scheme, function) in EXACT:
                told.append(
                    always("L0.4", f"{words}, off 1 by", abs(values - 1), ROUNDING, "1 exactly, up to rounding")
                )
            else:
                rate = growth(function, GAINS[scheme])
                told.append(equals("L0.4", words, values, rate, MARGIN * rate))
    return told


def picture(found):
    """Gradients over time for each scheme, linear and with ReLU."""
    functions = list(map(str, found.function.values))
    figure, axes = pictures.figure(len(functions), 1, sharey=True)
    for ax, function in zip(axes[0], functions, strict=True):
        for scheme, colour in pictures.label_lines(list(map(str, found.scheme.values))):
            values = found.gradient.sel(function=function, scheme=scheme).values
            pictures.band(ax, found.t, values, colour, scheme)
            rate = 1.0 if (scheme, function) in EXACT else growth(function, GAINS[scheme])
            back = found.t.values[-2] - found.t.values[:-1]
            pictures.theory(ax, found.t[:-1], np.median(values[:, -2]) * rate**back, colour)
        ax.set(title=f"{NAMES[function]}: $\\|dL/dh_t\\|^2$, loss at the last step", xlabel="time step t")
        pictures.steps(ax)
    pictures.dashed_legend(axes[0, 0], "theory", loc="upper right")
    return figure


NAMES = {"identity": "linear", "relu": "ReLU"}
MARGIN = 0.1

EXPERIMENT = Experiment(
    name="initialisations",
    title="Orthogonal, identity, Glorot and He initialisation",
    sources=("L0.4",),
    settings={
        "n": 256,
        "steps": 30,
        "function": ("identity", "relu"),
        "scheme": ("glorot", "he", "orthogonal", "identity"),
    },
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=60,
    quick={"n": 128, "steps": 20},
    quick_seeds=40,
)
