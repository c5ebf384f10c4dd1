"""Lyapunov exponents of a tanh network: where forgetting turns into chaos (L4.5).

h_t = tanh(W_hh h_(t-1)), W_hh ~ N(0, g/n), from a random state, without input. A small change of the state, and a
gradient going back, grows like exp(lambda_1 t). For g < 1 the network dies out, its Jacobian becomes W_hh, and
lambda_1 is the logarithm of W_hh's spectral radius: each draw's own theory. In the mean field lambda_1 = log(chi) /
2: log(g) / 2 up to g = 1, and positive beyond, where wide networks are chaotic: gradients explode although no
activity does. H. Sompolinsky, A. Crisanti, H. Sommers, Phys. Rev. Lett. 61 (1988), 259-262.
"""

from dataclasses import replace

import numpy as np

import refseq
from refseq.dynamics import fixed_point, growth, lyapunov_exponents, spectral_radius
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, above, equals


def measure(configuration, seed):
    """All exponents of one network."""
    n, steps = configuration["n"], configuration["steps"]
    layer = refseq.layer("elman", inputs=1, units=n)
    params = layer.initialise(seed, "gaussian", gain=configuration["gain"])
    start = {"h": np.random.default_rng([seed, 1]).normal(size=(1, 1, n))}
    found = lyapunov_exponents(layer, params, np.zeros((steps, 1, 1)), start, transient=steps // 4)
    return dataset(
        {
            "exponents": (("index",), np.sort(found.exponents[0])[::-1], "1 per step", "Lyapunov exponents"),
            "largest": ((), found.exponents[0].max(), "1 per step", "largest Lyapunov exponent"),
            "log_radius": (
                (),
                np.log(spectral_radius(params["W_hh"][0])),
                "1 per step",
                "log of W_hh's spectral radius",
            ),
        },
        {"index": (("index",), np.arange(1, n + 1), "1", "number of the exponent")},
    )


def mean_field(gain: float) -> float:
    """The largest exponent for n -> infinity."""
    return float(np.log(growth("tanh", gain, fixed_point("tanh", gain)))) / 2


def statements(found) -> list[Statement]:
    """Below 1 each draw against its own spectral radius; beyond, chaos, and mean field."""
    told = []
    for gain in map(float, found.gain.values):
        one = found.sel(gain=gain)
        if gain < 0.8:
            difference = one.largest.values - one.log_radius.values
            told.append(equals("L4.5", f"lambda_1 less log spectral radius, g = {gain:g}", difference, 0.0, 0.01))
        if gain >= 2:
            chaos = above("L4.5", f"chaos: lambda_1, g = {gain:g}", one.largest.values, 0.0)
            told.append(replace(chaos, known=NARROW if gain < 4 else ""))
        if gain >= 4:
            told.append(equals("L4.5", f"lambda_1, g = {gain:g}", one.largest.values, mean_field(gain), 0.15))
    return told


def picture(found):
    """The largest exponent by gain, and spectra."""
    figure, axes = pictures.figure(2, 1)
    ax, fine = axes[0, 0], np.geomspace(found.gain.values.min(), found.gain.values.max(), 80)
    values = found.largest.transpose("seed", "gain").values
    x = np.broadcast_to(found.gain.values, values.shape)
    ax.plot(x.ravel(), values.ravel(), ".", color=pictures.COLOURS[0], alpha=0.4, label="single networks")
    ax.plot(found.gain, values.mean(axis=0), "o", color=pictures.COLOURS[0], label="mean over seeds")
    pictures.theory(ax, fine, [mean_field(g) for g in fine])
    ax.axhline(0.0, color="grey", linewidth=0.8)
    ax.text(fine[0], 0.02, "chaos, exploding gradients", fontsize=8, color="grey", va="bottom")
    ax.text(fine[-1], -0.05, "forgetting, vanishing gradients", fontsize=8, color="grey", va="top", ha="right")
    ax.set(xscale="log", xlabel="g, $W_{hh} \\sim N(0, g/n)$", title="largest Lyapunov exponent $\\lambda_1$ per step")
    ax.set_xticks(found.gain.values, [f"{g:g}" for g in found.gain.values])
    ax.minorticks_off()
    pictures.dashed_legend(ax, "mean field, $\\frac{1}{2}\\log\\chi$", loc="lower right", bbox_to_anchor=(1, 0.08))
    for gain, colour in pictures.label_lines(found.gain.values[:: max(1, len(found.gain) // 4)]):
        spectrum = found.exponents.sel(gain=gain).values
        pictures.band(axes[0, 1], found.index / len(found.index), spectrum, colour, f"g = {gain:g}", log=False)
    axes[0, 1].axhline(0.0, color="grey", linewidth=0.8)
    axes[0, 1].set(title="all exponents $\\lambda_i$", xlabel="i / n", ylim=(-6, 1))
    axes[0, 1].legend(loc="lower left")
    return figure


NARROW = "near the edge narrow networks settle at fixed points and cycles"

EXPERIMENT = Experiment(
    name="lyapunov",
    title="Lyapunov exponents: from forgetting to chaos",
    sources=("L4.5",),
    settings={"n": 200, "steps": 500, "gain": (0.25, 0.5, 0.7, 1.0, 1.5, 2.0, 4.0, 8.0)},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=12,
    quick={"n": 80, "steps": 250},
    quick_seeds=6,
)
