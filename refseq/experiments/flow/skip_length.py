"""Skip connections in time (L4.7): a second path of length d.

h_t = f(W_hh h_(t-1) + W_hd h_(t-d)), linear, both matrices ~ N(0, g/n). A gradient comes back by every way that adds
steps of 1 and of d, so that in the mean field its second moment obeys m_s = g m_(s-1) + g m_(s-d) at the distance s,
and falls by r per step, r the positive root of r^d = g r^(d-1) + g. With g = 0.4 and d = 1 that would be 0.8; for
longer skips r nears 1, as fewer factors lie on the way: a loss reaches about d times as far.

The same matrices act at every step, so that far from the loss it is the largest eigenvalue that tells. That of a matrix
of finite width lies beyond the circle of the mean field: with n = 192 and d = 1, over 90 steps, r is 0.85.
"""

from typing import Any

import numpy as np
from scipy.optimize import brentq

import refseq
from refseq.dynamics import gradient_norms
from refseq.experiments import pictures
from refseq.experiments.data import dataset, setting
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, equals


def measure(configuration, seed):
    """The gradient's second moment by distance, and its fall per step."""
    n, steps = configuration["n"], configuration["steps"]
    layer = refseq.layer("skip", inputs=1, units=n, activation="identity", delay=configuration["delay"])
    params = layer.initialise(seed, "gaussian", gain=configuration["gain"])
    dh = np.random.default_rng([seed, 1]).normal(size=(1, 1, n)) / np.sqrt(n)
    final = {name: dh if name == "h" else None for name in layer.states}
    squares = gradient_norms(layer, params, np.zeros((steps, 1, 1)), dstate=final)["h"][::-1, 0] ** 2
    first = steps // 3
    return dataset(
        {
            "gradient": (("distance",), squares, "1", "squared norm of dL/dh_t, L in the last state"),
            "rate": ((), _slope(squares[first:], configuration["delay"]), "1 per step", "its fall by step"),
        },
        {"distance": (("distance",), np.arange(steps + 1), "step", "steps back from the loss")},
    )


def _slope(squares, period):
    """The factor per step of a straight line through the logarithms, of moving sums over a period: the paths of length
    d make saw teeth, and a line through a few of these is as steep as the window has it."""
    sums = np.convolve(squares, np.ones(period), "valid")
    return float(np.exp(np.polyfit(np.arange(len(sums)), np.log(sums), 1)[0]))


def moments(gain: float, delay: int, steps: int) -> np.ndarray:
    """The theory's second moment at every distance."""
    found = [1.0]
    for s in range(1, steps + 1):
        found.append(gain * found[s - 1] + (gain * found[s - delay] if s >= delay else 0.0))
    return np.array(found)


def root(gain: float, delay: int) -> float:
    """The theory's fall by step."""
    found: Any = brentq(lambda r: gain / r + gain / r**delay - 1, 1e-3, 10.0)
    return float(found)


def statements(found) -> list[Statement]:
    """The fall by step for every skip."""
    told, gain = [], setting(found, "gain")
    for delay in map(int, found.delay.values):
        words = f"|dL/dh|² per step back, skip d = {delay}"
        told.append(equals("L4.7", words, found.rate.sel(delay=delay).values, root(gain, delay), 0.06))
    return told


def picture(found):
    """Gradients by distance; how far they reach by the skip's length."""
    figure, axes = pictures.figure(2, 1)
    ax, gain = axes[0, 0], setting(found, "gain")
    for delay, colour in pictures.label_lines(found.delay.values):
        pictures.band(ax, found.distance, found.gradient.sel(delay=delay).values, colour, f"d = {int(delay)}")
        pictures.theory(ax, found.distance, moments(gain, int(delay), len(found.distance) - 1), colour)
    ax.set(title="$\\|dL/dh_{T-s}\\|^2$", xlabel="steps back s")
    pictures.steps(ax)
    pictures.dashed_legend(ax, "mean field", loc="lower left")
    ax = axes[0, 1]
    reach = -1 / np.log(found.rate.transpose("seed", "delay").values)
    pictures.band(
        ax, found.delay, np.where(reach > 0, reach, np.nan), pictures.COLOURS[0], "measured", log=False, marker="o"
    )
    fine = np.linspace(1, found.delay.values.max(), 60)
    pictures.theory(ax, fine, [-1 / np.log(root(gain, d)) for d in fine])
    ax.set(xscale="log", title="reach: steps for a factor 1/e", ylim=(0, None), xlabel="length of the skip d")
    ax.set_xticks(found.delay.values, [str(int(d)) for d in found.delay.values])
    ax.minorticks_off()
    pictures.dashed_legend(ax, "mean field: $-1/\\log r$", loc="upper left")
    return figure


EXPERIMENT = Experiment(
    name="skip_length",
    title="Skip connections in time: their length and the reach of a gradient",
    sources=("L4.7",),
    settings={"n": 512, "steps": 90, "gain": 0.4, "delay": (1, 2, 4, 8, 16)},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=30,
    quick={"n": 192, "steps": 60, "delay": (1, 2, 4, 8)},
    quick_seeds=20,
)
