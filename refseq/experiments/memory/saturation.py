"""What accumulates, saturates (L4.8, L4.9): three units that are given the same small item again and again.

additive  h_t = h_(t-1) + tanh(x_t), with an output tanh(h_t)                      (L4.8)
leaky     h_t = mu h_(t-1) + (1 - mu) tanh(x_t), which is its own output            (L4.9)
lstm      without forget gate (f = 1), its other gates open: c_t = c_(t-1) + tanh(x_t), h_t = tanh(c_t)

Additive unit and LSTM keep all: every item counts the same, the first like the last. So the memory grows with the
number of items (with its square root, if their signs are random), the output comes to the flat part of its tanh, and
one item more changes nothing: what it moves falls like 1/cosh^2. The leaky unit stays sensitive to the new for ever,
and for that forgets the old, by mu per step. It is bounded: it cannot count far either.
"""

from typing import Any

import numpy as np
from scipy import stats

import refseq
from refseq.experiments import pictures
from refseq.experiments.data import dataset, setting
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, always, equals, exactly

OPEN = 1000.0
"""The bias of a gate that is exactly 1."""
SEQUENCES = 256
EPS = float(np.finfo(float).eps)


def network(unit: str, mu: float) -> tuple[Any, dict[str, np.ndarray], str]:
    """The network with its parameters set by hand, and the name of its memory."""
    if unit == "lstm":
        layer = refseq.layer("lstm_no_forget", 1, 1)
        params = {name: np.zeros(shape) for name, shape in layer.shapes.items()}
        params["W_hx"][layer.cell.gates.index("g")] = 1.0
        for gate in "io":
            params["b_h"][layer.cell.gates.index(gate)] = OPEN
        return layer, params, "c"
    options: dict[str, Any] = {"mu": mu} if unit == "leaky" else {}
    below = refseq.layer(unit, 1, 1, **options)
    shown = refseq.layer("output", 1, 1, activation="tanh" if unit == "additive" else "identity")
    params = {f"0.{name}": np.zeros(shape) for name, shape in below.shapes.items()}
    params |= {f"1.{name}": np.zeros(shape) for name, shape in shown.shapes.items()}
    params["0.W_hx"][:] = params["1.W_yh"][:] = 1.0
    return refseq.stack(below, shown), params, "0.h"


def measure(configuration, seed):
    """Memory, output and what one item moves, after 1 ... T items: row b of a batch ends after item b."""
    steps, size = configuration["steps"], configuration["size"]
    layer, params, memory = network(configuration["unit"], configuration["mu"])
    signs = np.ones((steps, SEQUENCES))
    if configuration["signs"] == "random":
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], signs.shape)
    lengths = np.repeat(np.arange(1, steps + 1), SEQUENCES)
    run = layer.forward(params, np.tile(size * signs, (1, steps))[:, :, None], lengths=lengths)
    dy = np.zeros_like(run.y)
    last = (lengths - 1, np.arange(len(lengths)), 0)
    dy[last] = 1.0
    moved = layer.backward(run, dy).x

    def over(values, units, words):
        return (("t",), values.reshape(steps, SEQUENCES).mean(axis=1), units, words)

    square = over(run.state[memory].ravel() ** 2, "1", "mean square of the memory")
    return dataset(
        {
            "square": square,
            "output": over(abs(run.y[last]), "1", "mean absolute output"),
            "newest": over(moved[last], "1", "d output / d newest item"),
            "oldest": over(moved[0, :, 0], "1", "d output / d first item"),
        },
        {"t": (("t",), np.arange(1, steps + 1), "item", "items so far")},
    )


def theory(unit: str, signs: str, t: np.ndarray, size: float, mu: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean square of the memory, and what the newest and the oldest item move."""
    g, slope = np.tanh(size), 1 - np.tanh(size) ** 2
    if unit == "leaky":
        newest = np.full(len(t), (1 - mu) * slope)
        square = (1 - mu**t) ** 2 if signs == "same" else (1 - mu) / (1 + mu) * (1 - mu ** (2 * t))
        return g**2 * square, newest, newest * mu ** (t - 1.0)
    if signs == "same":
        moved = slope / np.cosh(t * g) ** 2
        return (t * g) ** 2, moved, moved
    ups = np.arange(t.max() + 1)
    weights = stats.binom.pmf(ups[None, :], t[:, None], 0.5)
    moved = slope * (weights / np.cosh((2 * ups[None, :] - t[:, None]) * g) ** 2).sum(axis=1)
    return t * g**2, moved, moved


def statements(found) -> list[Statement]:
    """Exact for items of one sign, up to rounding, which 1 - y^2 near y = 1 makes larger; means for random signs."""
    told, t = [], found.t.values
    size, mu, last = setting(found, "size"), setting(found, "mu"), int(found.t.values[-1])
    for unit in map(str, found.unit.values):
        one = found.sel(unit=unit, signs="same", seed=0).isel(t=-1)
        square, newest, oldest = (row[-1] for row in theory(unit, "same", t, size, mu))
        source = "L4.9" if unit == "leaky" else "L4.8"
        told.append(
            exactly(source, f"{unit}: memory after {last} items", one.square.item() ** 0.5, square**0.5, 4 * last * EPS)
        )
        lost = 8 * last * EPS / (newest if unit != "leaky" else 1.0)
        told.append(exactly("L4.9", f"{unit}: what item {last} moves", one.newest.item(), newest, lost))
        told.append(exactly(source, f"{unit}: what item 1 still moves", one.oldest.item(), oldest, lost))
        if unit != "leaky":
            off = abs(one.oldest.item() / one.newest.item() - 1)
            told.append(always("L4.8", f"{unit}: first over last item, off 1 by", off, lost, "0: all count the same"))
    for unit in map(str, found.unit.values):
        ratio = found.square.sel(unit=unit, signs="random").isel(t=-1).values
        square = theory(unit, "random", t, size, mu)[0][-1]
        words = f"{unit}: memory² after {last} items of random sign, over theory"
        told.append(equals("L4.9", words, ratio / square, 1.0, 0.15))
    return told


def picture(found):
    """Memory, output, and what the newest and the oldest item move; below the same for random signs."""
    figure, axes = pictures.figure(4, 2, width=3.5, height=3.0, sharex=True)
    size, mu = setting(found, "size"), setting(found, "mu")
    for row, signs in zip(axes, ("same", "random"), strict=True):
        for unit, colour in pictures.label_lines(list(map(str, found.unit.values))):
            one, own = found.sel(unit=unit, signs=signs), {"lstm": {"linestyle": ":", "linewidth": 2.5}}.get(unit, {})
            dashed = theory(unit, signs, found.t.values, size, mu)
            shown = (one.square**0.5, one.output, one.newest, one.oldest)
            for ax, values, expected in zip(row, shown, (dashed[0] ** 0.5, None, *dashed[1:]), strict=True):
                middle = np.median(values.transpose("seed", "t").values, axis=0)
                ax.plot(found.t, middle, color=colour, label=NAMES[unit].format(mu=mu), **{"linewidth": 1.6, **own})
                if expected is not None and unit != "lstm":
                    pictures.theory(ax, found.t, expected)
        row[0].set(title="memory, root mean square", ylim=(0, None))
        row[0].set_ylabel("items of one sign" if signs == "same" else "items of random sign", weight="bold")
        row[1].set(title="size of the output", ylim=(0, 1.02))
        row[2].set(title="what the newest item moves", yscale="log", ylim=(1e-5, 3))
        row[3].set(title="what the first item moves", yscale="log", ylim=(1e-5, 3))
    for ax in axes[1]:
        ax.set_xlabel("items so far, t")
        pictures.steps(ax)
    pictures.dashed_legend(axes[0, 0], loc="upper left")
    return figure


NAMES = {"additive": "additive, output tanh", "leaky": "leaky, $\\mu$ = {mu:g}", "lstm": "LSTM with f = 1"}

EXPERIMENT = Experiment(
    name="saturation",
    title="What accumulates, saturates",
    sources=("L4.8", "L4.9"),
    settings={"steps": 60, "size": 0.1, "mu": 0.9, "unit": ("additive", "leaky", "lstm"), "signs": ("same", "random")},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"steps": 40},
    quick_seeds=12,
)
