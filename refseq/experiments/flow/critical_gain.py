"""The critical gain as a phase diagram: gain against depth in time (L4.5).

h_t = tanh(W_hh h_(t-1)), W_hh ~ N(0, g/n), from a random state; after a time in which activities settle, how large is
a gradient d steps back? For small g it has vanished after a few steps, for large g it has exploded, and only near g =
1 does it live long: in the mean field its second moment is chi^d, and reaches e^(+-1) at the depth 1/|log chi|, which
grows without bound at the edge chi = 1. S. Schoenholz et al., Deep information propagation, ICLR 2017.
"""

from dataclasses import replace

import numpy as np

import refseq
from refseq.dynamics import fixed_point, gradient_norms, growth
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, above, equals

NARROW = "chi - 1 is below 1/sqrt(n) up to g = 2: narrow networks settle at fixed points there"
SETTLED = 20
"""Steps before those that are looked at."""


def measure(configuration, seed):
    """The gradient's second moment by depth."""
    n, depth = configuration["n"], configuration["depth"]
    layer = refseq.layer("elman", inputs=1, units=n)
    params = layer.initialise(seed, "gaussian", gain=configuration["gain"])
    rng = np.random.default_rng([seed, 1])
    start = {"h": rng.normal(size=(1, 1, n))}
    dh = {"h": rng.normal(size=(1, 1, n)) / np.sqrt(n)}
    x = np.zeros((SETTLED + depth, 1, 1))
    squares = gradient_norms(layer, params, x, start, dstate=dh)["h"][::-1, 0][: depth + 1] ** 2
    return dataset(
        {"log_gradient": (("d",), np.log10(squares), "1", "log10 of the gradient's second moment")},
        {"d": (("d",), np.arange(depth + 1), "step", "depth: steps back from the loss")},
    )


def crossing(found) -> np.ndarray:
    """By seed, the gain at which the gradient neither grows nor shrinks over the whole depth."""
    end = found.log_gradient.isel(d=-1).transpose("seed", "gain").values
    return np.array(
        [np.exp(np.interp(0.0, row, np.log(found.gain.values))) for row in np.maximum.accumulate(end, axis=1)]
    )


def log_chi(gain: float) -> float:
    """The theory's exponent by step."""
    return float(np.log(growth("tanh", gain, fixed_point("tanh", gain))))


def statements(found) -> list[Statement]:
    """Where the edge is, and how fast gradients vanish below it."""
    told = [equals("L4.5", "critical g, where gradients neither grow nor shrink", crossing(found), 1.0, 0.25)]
    told = [replace(told[0], known=NARROW)]
    high = float(found.gain.values.max())
    grown = found.log_gradient.sel(gain=high).values[:, -1]
    told.append(above("L4.5", f"log10 of the second moment at full depth, g = {high:.3g}", grown, 0.0))
    low = float(found.gain.values.min())
    rate = found.log_gradient.sel(gain=low).values[:, -1] / (len(found.d) - 1) * np.log(10)
    told.append(equals("L4.5", f"exponent of the second moment per step, g = {low:.3g}", rate, log_chi(low), 0.15))
    return told


def picture(found):
    """The diagram with the theory's depth; cuts through it."""
    figure, axes = pictures.figure(2, 1, width=5.0)
    ax = axes[0, 0]
    table = np.median(found.log_gradient.transpose("seed", "gain", "d").values, axis=0)
    image = ax.pcolormesh(
        found.gain, found.d, np.clip(table.T, -8, 8), cmap=pictures.DIVERGING, vmin=-8, vmax=8, rasterized=True
    )
    fine = np.geomspace(found.gain.values.min(), found.gain.values.max(), 400)
    exponent = np.array([log_chi(g) for g in fine])
    with np.errstate(divide="ignore"):
        depth = np.log(10) / abs(exponent)
    for side in (exponent < -1e-6, exponent > 1e-6):
        pictures.theory(ax, fine[side], depth[side])
    ax.plot([], [], color="black", label="mean field: factor 10", **pictures.THEORY)
    ax.legend(loc="upper right", frameon=True, framealpha=0.9)
    ax.set(
        xscale="log", ylim=(0, found.d.values.max()), xlabel="g, $W_{hh} \\sim N(0, g/n)$", ylabel="depth d, steps back"
    )
    _ticks(ax, found)
    pictures.steps(ax, "y")
    ax.set_title("second moment of the gradient, d steps back")
    figure.colorbar(image, ax=ax, label="$\\log_{10}$, cut at $\\pm 8$")
    _cuts(axes[0, 1], found)
    return figure


def _ticks(ax, found):
    ticks = [g for g in (0.25, 0.5, 1.0, 2.0, 4.0) if found.gain.values.min() <= g <= found.gain.values.max()]
    ax.set_xticks(ticks, [f"{g:g}" for g in ticks])
    ax.minorticks_off()


def _cuts(ax, found):
    """Growth per step by gain, at several depths."""
    gain = found.gain.values
    for d, colour in pictures.label_lines([int(d) for d in found.d.values[[5, len(found.d) // 3, -1]]]):
        values = found.log_gradient.sel(d=d).transpose("seed", "gain").values / d
        pictures.band(ax, gain, values, colour, f"over {d} steps", log=False)
    pictures.theory(ax, gain, [log_chi(g) / np.log(10) for g in gain])
    ax.axhline(0.0, color="grey", linewidth=0.8)
    ax.set(xscale="log", xlabel="g", title="$\\log_{10}$ of the second moment, per step back")
    _ticks(ax, found)
    pictures.dashed_legend(ax, "mean field", loc="lower right")


EXPERIMENT = Experiment(
    name="critical_gain",
    title="The critical gain: a phase diagram of gain and depth in time",
    sources=("L4.5",),
    settings={"n": 200, "depth": 60, "gain": tuple(float(g) for g in np.geomspace(0.25, 4.0, 33).round(4))},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"n": 100, "gain": tuple(float(g) for g in np.geomspace(0.25, 4.0, 17).round(4))},
    quick_seeds=8,
)
