"""Exploding and vanishing in a ReLU network (L0.3, L0.4, L0.5).

h_t = relu(W_hh h_(t-1) + W_hx x_t), W_hh ~ N(0, g/n), with an input at time 1 only. In the mean-field limit of wide
layers half of the units are on, independently of the weights, so that in every step the second moment of the
activations grows by g/2, and that of the gradients, going back, as well: 1.5, 1 and 0.75 for g = 3, 2 and 1.5.

The same W_hh acts at every step, so what one draw of it does in its favourite direction adds up: rates of single
networks spread around the limit by a few times 1/sqrt(n), however long they run. The test's margin is 1/sqrt(n). The
three g have the same draws, scaled: their sentences hold or fail together. K. He et al., ICCV 2015; B. Poole et al.,
NeurIPS 2016.
"""

import numpy as np

import refseq
from refseq.dynamics import growth
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.flow.pulse import per_step, pulse
from refseq.experiments.statistics import Statement, equals

LECTURE = {3.0: "L0.3", 2.0: "L0.4", 1.5: "L0.5"}


def measure(configuration, seed):
    """Second moments by time, and their growth by step."""
    steps = configuration["steps"]
    layer = refseq.layer("elman", inputs=1, units=configuration["n"], activation="relu")
    params = layer.initialise(seed, "gaussian", gain=configuration["gain"])
    forward, backward = pulse(layer, params, steps, seed)
    rates = per_step(forward, steps - 1), per_step(backward[::-1], steps - 1)
    return dataset(
        {
            "activation": (("t",), forward, "1", "second moment of h_t"),
            "gradient": (("t",), backward, "1", "squared norm of dL/dh_t, L at the last step"),
            "activation_growth": ((), rates[0], "1 per step", "growth of the activations' second moment"),
            "gradient_growth": ((), rates[1], "1 per step", "growth of the gradients' second moment, going back"),
        },
        {"t": (("t",), np.arange(1, steps + 1), "step", "time")},
    )


def statements(found) -> list[Statement]:
    """Growth by step, forward and back, of the widest layers."""
    told, n = [], int(found.n.values.max())
    for gain in map(float, found.gain.values):
        rate = growth("relu", gain)
        for name, words in (("activation", "E h² grows per step"), ("gradient", "|dL/dh|² grows per step back")):
            values = found[f"{name}_growth"].sel(gain=gain, n=n).values
            told.append(equals(LECTURE.get(gain, "L0.3"), f"{words}, g = {gain:g}", values, rate, rate / n**0.5))
    return told


def picture(found):
    """Activations and gradients over time; rates by width."""
    figure, axes = pictures.figure(3, 1, width=4.2)
    widest = int(found.n.values.max())
    for ax, name, title in (
        (axes[0, 0], "activation", f"activations: second moment of $h_t$, n = {widest}"),
        (axes[0, 1], "gradient", "gradients: $\\|dL/dh_t\\|^2$, loss at the last step"),
    ):
        for gain, colour in pictures.label_lines(found.gain.values):
            values = found[name].sel(gain=gain, n=widest).values
            pictures.band(ax, found.t, values, colour, f"$W_{{hh}} \\sim N(0, {gain:g}/n)$")
            since = found.t.values - 1 if name == "activation" else found.t.values[::-1] - 1
            start = values[:, since == 0].mean()
            pictures.theory(ax, found.t, start * growth("relu", float(gain)) ** since, colour)
        ax.set(title=title, xlabel="time step t")
        pictures.steps(ax)
    pictures.dashed_legend(axes[0, 0], "mean field: g/2 per step", loc="upper left")
    _widths(axes[0, 2], found)
    return figure


def _widths(ax, found):
    """Every network's rate by its width, for the middle gain."""
    gain = float(np.sort(found.gain.values)[len(found.gain) // 2])
    for name, shift, colour in (("activation", 0.94, pictures.COLOURS[0]), ("gradient", 1.06, pictures.COLOURS[1])):
        values = found[f"{name}_growth"].sel(gain=gain).transpose("seed", "n").values
        x = np.broadcast_to(found.n.values * shift, values.shape)
        ax.plot(x.ravel(), values.ravel(), ".", color=colour, alpha=0.35, markersize=4, markeredgewidth=0)
        ax.errorbar(x[0], values.mean(axis=0), values.std(axis=0), fmt="o", color=colour, capsize=3, label=f"{name}s")
    pictures.theory(ax, found.n, np.full(len(found.n), growth("relu", gain)))
    ax.set(xscale="log", xlabel="width n", title=f"growth per step of single networks, g = {gain:g}")
    ax.set_xticks(found.n.values, [str(n) for n in found.n.values])
    ax.minorticks_off()
    pictures.dashed_legend(ax, "mean field", loc="upper right")


EXPERIMENT = Experiment(
    name="relu_gain",
    title="Exploding and vanishing activations and gradients of a ReLU network",
    sources=("L0.3", "L0.4", "L0.5"),
    settings={"n": (64, 128, 256, 512), "steps": 20, "gain": (3.0, 2.0, 1.5)},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=100,
    quick={"n": (64, 256)},
    quick_seeds=50,
)
