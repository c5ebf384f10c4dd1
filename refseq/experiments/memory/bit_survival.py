"""How long one bit survives in each recurrence of the catalogue (L1.16, L4.5, L4.9).

Nothing is trained but the readout. A bit, +1 or -1, comes in at step 1 through an input of its own; from then on there
is distraction, normal numbers in other inputs. Can a linear readout tell the bit from the output at step t? It is
fitted by least squares on one half of the sequences and judged on the other, and it sees the output with a noise of a
hundredth of the output's size: what has shrunk below that is gone. The bit survives until three quarters of its
readings are right: half of the way down to chance.

An output layer, which has no memory, is there for comparison. Forget gates have the bias 2.
"""

from dataclasses import replace

import numpy as np

import refseq
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, above, equals

CELLS = (
    "output",
    "elman",
    "jordan",
    "skip",
    "gru",
    "leaky",
    "additive",
    "lstm",
    "lstm_no_forget",
    "lstm_coupled",
    "lstm_peephole",
    "lstm_peephole_coupled",
)
OPTIONS = {"output": {"activation": "tanh"}, "leaky": {"mu": 0.9}, "skip": {"delay": 4}}
DISTRACTIONS, TIMES = 4, 24
DECODED = 0.75


def measure(configuration, seed):
    """The share of right readings by time, and until when it is above DECODED."""
    name, steps, rows, n = (configuration[key] for key in ("cell", "steps", "rows", "n"))
    layer = refseq.layer(name, 1 + DISTRACTIONS, n, **OPTIONS.get(name, {}))
    forget = {"forget_bias": configuration["forget_bias"]} if "f" in layer.cell.gates else {}
    params = layer.initialise(seed, **forget)
    rng = np.random.default_rng([seed, 1])
    for peephole in (name for name in params if name.startswith("w_c")):  # they begin at 0, as if there were none
        params[peephole] = rng.normal(size=n) / 2
    bit = rng.choice([-1.0, 1.0], rows)
    x = np.zeros((steps, rows, 1 + DISTRACTIONS))
    x[0, :, 0] = bit
    x[1:, :, 1:] = rng.normal(size=(steps - 1, rows, DISTRACTIONS))
    y = layer.forward(params, x, gradient=False).y
    times = times_of(steps)
    right = [readings(y[t - 1], bit, configuration["noise"], rng) for t in times]
    return dataset(
        {
            "right": (("t",), right, "1", "share of readings that are right"),
            "survival": ((), survival(times, np.array(right)), "step", f"step until which it is above {DECODED}"),
        },
        {"t": (("t",), times, "step", "time of the reading; the bit came at 1")},
    )


def times_of(steps: int) -> np.ndarray:
    """The first steps and then ever fewer."""
    return np.unique(np.geomspace(1, steps, TIMES).round().astype(int))


def readings(y, bit, noise, rng):
    """The share of right readings on the second half of the rows, of a readout fitted on the first."""
    size = np.sqrt(np.mean(y**2))
    seen = np.hstack([y + noise * size * rng.normal(size=y.shape), np.ones((len(y), 1))])
    half = len(y) // 2
    weights = np.linalg.lstsq(seen[:half], bit[:half], rcond=None)[0]
    return float(((seen[half:] @ weights > 0) == (bit[half:] > 0)).mean())


def survival(times: np.ndarray, right: np.ndarray) -> float:
    """Where it first falls below DECODED, on straight lines over log t; the last time if it does not."""
    lower = np.flatnonzero(right < DECODED)
    if not len(lower):
        return float(times[-1])
    k = int(lower[0])
    if k == 0:
        return float(times[0])
    part = (right[k - 1] - DECODED) / (right[k - 1] - right[k])
    return float(times[k - 1] * (times[k] / times[k - 1]) ** part)


def statements(found) -> list[Statement]:
    """Chance without memory; who keeps the bit longer than an Elman network."""
    told = []
    if "output" in found.cell:
        later = found.right.sel(cell="output").isel(t=slice(1, None)).mean("t").values
        told.append(equals("L1.1", "output layer, no memory: share of right readings", later, 0.5, 0.02))
    if "elman" not in found.cell:
        return told
    simple = np.log2(found.survival.sel(cell="elman").values)
    for cell in (name for name in map(str, found.cell.values) if name not in NO_CLAIM):
        longer = np.log2(found.survival.sel(cell=cell).values) - simple
        words = f"doublings of the survival, {cell} over elman"
        one = above(SOURCES.get(cell, "L1.16"), words, longer, 0.0, "above 0: survives longer")
        told.append(replace(one, known=KNOWN.get(cell, "")))
    return told


def picture(found):
    """A map of right readings, and survival by seed."""
    figure, axes = pictures.figure(2, 1, width=5.6, height=4.4, sharey=True)
    middle = found.survival.median("seed")
    cells = [str(found.cell.values[k]) for k in np.argsort(middle.values, kind="stable")]
    table = found.right.median("seed").sel(cell=cells).transpose("cell", "t").values
    ax, times = axes[0, 0], found.t.values
    edges = np.sqrt(np.append(times, times[-1] ** 2 / times[-2]) * np.append(times[0] ** 2 / times[1], times))
    image = ax.pcolormesh(
        edges, np.arange(len(cells) + 1) - 0.5, table, cmap=pictures.MAP, vmin=0.5, vmax=1, rasterized=True
    )
    ax.set(xscale="log", xlabel="step t of the reading", title="right readings of a bit that came at step 1")
    ax.set_yticks(range(len(cells)), [cell + LABELS.get(cell, "") for cell in cells])
    figure.colorbar(image, ax=ax, label="share of readings that are right; 1/2: chance")
    ax = axes[0, 1]
    for k, cell in enumerate(cells):
        values = found.survival.sel(cell=cell).values
        spread = np.linspace(-0.25, 0.25, len(values))
        ax.plot(values, k + spread, ".", color=pictures.COLOURS[0], alpha=0.5, label="networks" if k == 0 else None)
        label = "median" if k == 0 else None
        ax.plot(middle.sel(cell=cell), k, "|", color="black", markersize=14, markeredgewidth=2, label=label)
    ax.axvline(times[-1], color="grey", linewidth=0.8)
    ax.text(times[-1] * 0.95, -0.4, "end of the sequences", fontsize=8, color="grey", ha="right", va="bottom")
    ax.set(xscale="log", xlabel="step", title=f"the bit survives: {DECODED:.0%} of readings right until step")
    ax.tick_params(axis="y", labelleft=True)
    ax.legend(loc="center right", bbox_to_anchor=(0.9, 0.45))
    for ax in axes[0]:
        pictures.plain_log(ax)
    return figure


LABELS = {"leaky": ", $\\mu$ = 0.9", "skip": ", d = 4", "output": ", no memory"}
SOURCES = {"leaky": "L4.9", "skip": "L4.7", "gru": "L4.10", "additive": "L4.8", "jordan": "L1.4"}
KNOWN = {"gru": "an untrained GRU has z = 1/2: half of the state goes at every step"}
NO_CLAIM = ("output", "elman", "jordan")
"""Nobody says that a Jordan network remembers longer than Elman's."""

EXPERIMENT = Experiment(
    name="bit_survival",
    title="How long one bit survives in each recurrence",
    sources=("L1.16", "L4.5", "L4.8", "L4.9"),
    settings={"n": 32, "steps": 400, "rows": 800, "noise": 0.01, "forget_bias": 2.0, "cell": CELLS},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"n": 16, "steps": 100, "rows": 400},
    quick_seeds=8,
)
