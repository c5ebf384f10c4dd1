"""An LSTM worked by hand (L1.7): gates that are set, not learned, and a memory that adds, keeps, resets and shows.

One unit with linear candidate and linear output. Its gates:

    input  sigmoid(100 x2 - 10)    forget  sigmoid(100 x2 + 10)    output  sigmoid(100 x3 - 10)    candidate  x1

x2 = 1 adds x1 to the memory, x2 = -1 resets it, x3 = 1 puts it out. The lecture's table, x1 = 3 4 2 1 3, gives
y = 0 0 0 7 0, and a longer one y = 0 0 0 0 0 7 0 0 6. These gates miss 0 and 1 by delta = sigmoid(-10), 5 in 100,000,
so that y misses the table by a little, of which there is a bound; gates a hundred times as sharp are exactly 0 and 1 in
double precision, and y exactly the table.
"""

import numpy as np

import refseq
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, always
from refseq.primitives import sigmoid

TABLES = {  # x1, x2, x3; y, and the memory after every step
    "short": ((3, 4, 2, 1, 3), (1, 1, 0, 0, -1), (0, 0, 0, 1, 0), (0, 0, 0, 7, 0), (3, 7, 7, 7, 0)),
    "long": (
        (1, 3, 2, 4, 2, 1, 3, 6, 1),
        (0, 1, 0, 1, 0, 0, -1, 1, 0),
        (0, 0, 0, 0, 0, 1, 0, 0, 1),
        (0, 0, 0, 0, 0, 7, 0, 0, 6),
        (0, 3, 3, 7, 7, 7, 0, 6, 6),
    ),
}
WEIGHTS = {"i": ((0, 100, 0), -10), "f": ((0, 100, 0), 10), "o": ((0, 0, 100), -10)}
"""Of every gate: weights of x1, x2, x3, and bias."""
LONGEST = max(len(table[0]) for table in TABLES.values())


def measure(configuration, seed):
    """Gates, memory and output of every step; shorter tables end in NaN. Nothing is random."""
    table, sharpness = np.array(TABLES[configuration["table"]], float), configuration["sharpness"]
    layer = refseq.layer("lstm", 3, 1, cell_activation="identity", hidden_activation="identity")
    params = {name: np.zeros(shape) for name, shape in layer.shapes.items()}
    params["W_hx"][layer.cell.gates.index("g"), 0] = (1, 0, 0)
    for gate, (weights, bias) in WEIGHTS.items():
        place = layer.cell.gates.index(gate)
        params["W_hx"][place, 0], params["b_h"][place] = sharpness * np.array(weights, float), sharpness * bias
    steps = table.shape[1]
    x = np.repeat(table[:3].T[:, None], steps, axis=1)
    run = layer.forward(params, x, lengths=np.arange(1, steps + 1))  # the memory after t steps: the last state of row t
    return dataset(
        {
            "gates": (("gate", "t"), _padded(gates(x[:, 0], sharpness)), "1", "what a gate lets through"),
            "memory": (("t",), _padded(run.state["c"][0, :, 0]), "1", "memory after the step"),
            "y": (("t",), _padded(run.y[:, -1, 0]), "1", "output"),
        },
        {
            "gate": (("gate",), np.array(list(WEIGHTS)), "", "which gate"),
            "t": (("t",), np.arange(1, LONGEST + 1), "step", "time"),
        },
    )


def gates(x: np.ndarray, sharpness: float) -> np.ndarray:
    """The three gates at every step: they look at the input alone, as a layer of sigmoids does."""
    layer = refseq.layer("output", 3, len(WEIGHTS), activation="sigmoid")
    params = {
        "W_yh": sharpness * np.array([weights for weights, _ in WEIGHTS.values()], float)[None],
        "b_y": sharpness * np.array([bias for _, bias in WEIGHTS.values()], float)[None],
    }
    return layer.forward(params, x[:, None]).y[:, 0].T


def _padded(values):
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, LONGEST - values.shape[-1])], constant_values=np.nan)


def bound(name: str, sharpness: float) -> float:
    """How far y may be from the table: a gate is off by delta at most, so that every step adds delta (|c_(t-1)| + |x1|)
    to the memory's error, and y adds delta |c_t|."""
    numbers, _, _, _, memory = TABLES[name]
    delta, error, before, worst = float(sigmoid(-10.0 * sharpness)), 0.0, 0.0, 0.0
    for now, number in zip(memory, numbers, strict=True):
        error += delta * (before + error + abs(number))
        worst, before = max(worst, error + delta * (now + error)), float(now)
    return worst


def statements(found) -> list[Statement]:
    """The table within its bound, rounded, and exactly. Nothing is random."""
    told = []
    for name in map(str, found.table.values):
        printed = np.array(TABLES[name][3], float)
        table = " ".join(map(str, TABLES[name][3]))
        for sharpness in map(float, found.sharpness.values):
            y = found.y.sel(table=name, sharpness=sharpness).values[0, : len(printed)]
            words = f"{name} table, gates {sharpness:g} x as sharp"
            if sharpness >= EXACT:
                told.append(
                    always("L1.7", f"{words}: entries of y that differ", (y != printed).sum(), 0, f"y = {table}")
                )
                continue
            off = f"y off the table by at most {bound(name, sharpness):.2g}"
            told.append(always("L1.7", f"{words}: largest error of y", abs(y - printed), bound(name, sharpness), off))
            differ = (np.round(y) != printed).sum()
            told.append(always("L1.7", f"{words}: entries of y, rounded, that differ", differ, 0, f"y = {table}"))
    return told


def picture(found):
    """Each table step by step: what comes in, what the gates do, what the memory holds, what comes out."""
    names = list(map(str, found.table.values))
    sharpness = float(found.sharpness.values.min())
    steps = [len(TABLES[name][0]) for name in names]
    figure = pictures.blank(3.6 + 0.72 * sum(steps), 4.6)
    axes = figure.subplots(1, len(names), squeeze=False, gridspec_kw={"width_ratios": steps})
    image = None
    for ax, name in zip(axes[0], names, strict=True):
        image = _steps(ax, name, found.sel(table=name, sharpness=sharpness).isel(seed=0))
        ax.set_title(f"{name} table: y = {' '.join(map(str, TABLES[name][3]))}", pad=22)
    if axes.shape[1] > 1:
        for ax in axes[0, 1:]:
            ax.set_yticklabels([])
    figure.colorbar(image, ax=axes[0, -1], label="gate: 0 shut, 1 open", shrink=0.8)
    return figure


def _steps(ax, name, one):
    """One table: a column for each step."""
    x1, x2, x3, _, _ = TABLES[name]
    steps = len(x1)
    memory, y = one.memory.values[:steps], one.y.values[:steps]
    before = np.append(0.0, memory[:-1])
    rows = {
        f"input {k}, {words}": values for k, words, values in (("x1", "number", x1), ("x2", "add, keep, reset", x2))
    }
    rows["input x3, show"] = x3
    own = {"i": "input gate i", "f": "forget gate f", "o": "output gate o"}
    rows |= {own[gate]: one.gates.sel(gate=gate).values[:steps] for gate in own}
    rows |= {"memory before": before, "memory after": memory, "output y": y}
    shown = np.full((len(rows), steps), np.nan)
    shown[3:6] = list(rows.values())[3:6]
    image = ax.imshow(shown, cmap=pictures.MAP, vmin=0, vmax=1, aspect="auto")
    for row, values in enumerate(rows.values()):
        for t, value in enumerate(values):
            gate = row in (3, 4, 5)
            colour = "black" if not gate or value > 0.5 else "white"
            weight = "bold" if row >= 7 and round(float(value)) else "normal"
            ax.text(
                t, row, f"{round(float(value))}", ha="center", va="center", color=colour, weight=weight, fontsize=10
            )
    for t in range(steps):
        action = {1: f"add {x1[t]}", 0: "keep", -1: "reset"}[x2[t]] + ("\nshow" if x3[t] else "")
        ax.text(t, -0.6, action, ha="center", va="bottom", fontsize=8)
    ax.hlines([2.5, 5.5, 7.5], -0.5, steps - 0.5, color="black", linewidth=0.8)
    ax.vlines(np.arange(1, steps) - 0.5, -0.5, len(rows) - 0.5, color="lightgrey", linewidth=0.6)
    ax.set_xticks(range(steps), range(1, steps + 1))
    ax.set_yticks(range(len(rows)), list(rows))
    ax.tick_params(length=0)
    ax.set_xlabel("step t")
    return image


EXACT = 100.0
"""Gates so sharp are exactly 0 and 1: sigmoid(-1000) is 0 in double precision, sigmoid(1000) is 1."""

EXPERIMENT = Experiment(
    name="lstm_by_hand",
    title="An LSTM worked by hand: gates and memory step by step",
    sources=("L1.7",),
    settings={"table": tuple(TABLES), "sharpness": (1.0, EXACT)},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=1,
    quick_seeds=1,
)
