"""Sigmoid and tanh in place of ReLU: they bound the activations, and do not cure vanishing (L0.6).

h_t = f(W_hh h_(t-1) + W_hx x_t), W_hh ~ N(0, g/n), an input at time 1 only. A gradient's second moment changes by
chi = g E f'(sqrt(q) z)^2 in a step back, q being the second moment of the pre-activations where it has settled.

* tanh: chi = g for g <= 1, where activities die; beyond, activities stay and chi > 1: gradients explode.
* sigmoid: f' is 1/4 at most, so chi < 1 for every g shown: gradients vanish, although activities never do. (Its value
  where the slope is largest is 1/2; "where the slope is largest the value is 0" is true of tanh.)
"""

import numpy as np

import refseq
from refseq.dynamics import growth, next_moment
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.flow.pulse import per_step, pulse
from refseq.experiments.statistics import Statement, below, equals


def measure(configuration, seed):
    """Second moments by time, and the gradient's growth over the second half, where activities have settled."""
    steps = configuration["steps"]
    layer = refseq.layer("elman", inputs=1, units=configuration["n"], activation=configuration["function"])
    params = layer.initialise(seed, "gaussian", gain=configuration["gain"])
    forward, backward = pulse(layer, params, steps, seed)
    last = steps // 2
    return dataset(
        {
            "activation": (("t",), forward, "1", "second moment of h_t"),
            "gradient": (("t",), backward, "1", "squared norm of dL/dh_t, L at the last step"),
            "gradient_growth": (
                (),
                per_step(backward[::-1][: last + 1], last),
                "1 per step",
                "growth of it, going back",
            ),
        },
        {"t": (("t",), np.arange(1, steps + 1), "step", "time")},
    )


def chi(function: str, gain: float, steps: int) -> float:
    """The theory's mean growth over the second half: at g = 1 tanh dies out like 1/t, and chi nears 1 as slowly."""
    q, factors = gain, []  # of the pre-activations at time 1, whose input is 1
    for t in range(1, steps + 1):
        if t > steps - steps // 2:
            factors.append(growth(function, gain, q))
        q = next_moment(function, gain, q)
    return float(np.exp(np.log(factors).mean()))


def statements(found) -> list[Statement]:
    """The lecture's claim at every gain; theory beside it."""
    told = []
    for function in map(str, found.function.values):
        for gain in map(float, found.gain.values):
            rate, values = (
                chi(function, gain, len(found.t)),
                found.gradient_growth.sel(function=function, gain=gain).values,
            )
            words = f"{function}: |dL/dh|² grows per step back, g = {gain:g}"
            told.append(equals("L0.6", words, values, rate, MARGIN * rate))
    worst = found.gradient_growth.sel(function="sigmoid").max("gain").values
    told.append(below("L0.6", "sigmoid vanishes: largest growth at any g", worst, 1.0))
    return told


def picture(found):
    """Gradients over time, and their growth by gain beside theory."""
    figure, axes = pictures.figure(3, 1, width=4.2)
    for ax, function in zip(axes[0], ("tanh", "sigmoid"), strict=False):
        for gain, colour in pictures.label_lines(found.gain.values):
            values = found.gradient.sel(gain=gain, function=function).values
            pictures.band(ax, found.t, values, colour, f"g = {gain:g}")
        ax.set(title=f"{function}: $\\|dL/dh_t\\|^2$, loss at the last step", xlabel="time step t")
        pictures.steps(ax)
        ax.legend(ncols=2)
    gains = np.geomspace(found.gain.values.min(), found.gain.values.max(), 60)
    for function, colour in pictures.label_lines(("tanh", "sigmoid")):
        values = found.gradient_growth.sel(function=function).transpose("seed", "gain").values
        axes[0, 2].errorbar(
            found.gain, values.mean(axis=0), values.std(axis=0), fmt="o", color=colour, capsize=3, label=function
        )
        pictures.theory(axes[0, 2], gains, [chi(function, g, len(found.t)) for g in gains], colour)
    axes[0, 2].axhline(1.0, color="grey", linewidth=0.8)
    axes[0, 2].set(
        xscale="log", yscale="log", xlabel="g, $W_{hh} \\sim N(0, g/n)$", title="growth of the gradient per step back"
    )
    axes[0, 2].set_xticks(found.gain.values, [f"{g:g}" for g in found.gain.values])
    axes[0, 2].minorticks_off()
    pictures.dashed_legend(axes[0, 2], "mean field", loc="lower right")
    return figure


MARGIN = 0.1
"""Of the rate: single networks at n = 256 spread by about as much."""

EXPERIMENT = Experiment(
    name="saturating",
    title="Sigmoid and tanh bound activations and do not cure vanishing gradients",
    sources=("L0.6",),
    settings={"n": 256, "steps": 60, "function": ("tanh", "sigmoid"), "gain": (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=50,
    quick={"n": 128, "steps": 40},
    quick_seeds=20,
)
