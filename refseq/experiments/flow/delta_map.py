"""Which steps a loss can still move: ||delta_{t,k}|| over the time t of the loss and the time k of the use (L4.5).

The derivative of the loss at time t with respect to the state after step k, for eight recurrences with random inputs
and weights, each divided by its size at k = t. Below each map its fall with the distance t - k, beside

    gamma^(t-k)   gamma = max ||J_tau||, a theorem: no gradient is larger. gamma < 1 proves vanishing; gamma > 1, as
                  in most here, proves nothing: it is necessary for exploding, and not sufficient
    rho^(t-k)     rho = mean spectral radius of the J_tau: no bound, but near the rate that is seen

What keeps a gradient alive is a direct path from state to state: leak, forget gate, or the sum without forget gate.
Forget gates have the bias 2 here. A GRU as it is initialised has z = 1/2, and forgets faster than a plain network.
"""

from dataclasses import replace

import numpy as np

import refseq
from refseq.dynamics import delta_norms, gamma, spectral_radius, state_jacobians
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, above, always

CELLS = ("elman", "leaky", "skip", "gru", "lstm", "lstm_no_forget", "lstm_peephole", "lstm_coupled")
OPTIONS = {"leaky": {"mu": 0.9}, "skip": {"delay": 4}}


def measure(configuration, seed):
    """The table of norms, and the numbers beside it."""
    n, steps, name = configuration["n"], configuration["steps"], configuration["cell"]
    layer = refseq.layer(name, inputs=n, units=n, **OPTIONS.get(name, {}))
    forget = {"forget_bias": configuration["forget_bias"]} if "f" in layer.cell.gates else {}
    params = layer.initialise(seed, **forget)
    rng = np.random.default_rng([seed, 1])
    x, dy = rng.normal(size=(2, steps, 1, n)) / np.sqrt(n)
    for peephole in (name for name in params if name.startswith("w_c")):  # they begin at 0, as if there were none
        params[peephole] = rng.normal(size=n) / 2
    norms = delta_norms(layer, params, x, dy=dy)[:, :, 0]
    jacobians = state_jacobians(layer, params, x)
    bound, radius = gamma(jacobians), spectral_radius(jacobians.matrices[:, 0])
    relative = norms / np.diagonal(norms)[:, None]
    distance = np.arange(steps)
    fall = np.array([np.exp(np.log(np.diagonal(relative, -d)).mean()) for d in distance])
    excess = max(float((np.diagonal(relative, -d) / bound.bound(int(d))).max()) for d in distance[1:])
    return dataset(
        {
            "delta": (("t", "k"), relative, "1", "norm of delta_{t,k} over that of delta_{t,t}"),
            "fall": (("distance",), fall, "1", "geometric mean over pairs of this distance"),
            "rate": ((), (fall[-1] / fall[steps // 4]) ** (1 / (steps - 1 - steps // 4)), "1 per step", "fall by step"),
            "gamma": ((), bound.value, "1 per step", "largest norm of a step's Jacobian"),
            "radius": ((), np.exp(np.log(radius).mean()), "1 per step", "mean spectral radius of the steps' Jacobians"),
            "excess": ((), excess, "1", "largest norm over gamma^(t-k)"),
        },
        {
            "t": (("t",), np.arange(1, steps + 1), "step", "time of the loss"),
            "k": (("k",), np.arange(1, steps + 1), "step", "time of the use"),
            "distance": (("distance",), distance, "step", "t - k"),
        },
    )


def statements(found) -> list[Statement]:
    """The theorem for every cell; which cells keep gradients longer than an Elman network."""
    told = []
    for cell in map(str, found.cell.values):
        one = found.sel(cell=cell)
        told.append(always("L4.5", f"{cell}: |delta| over its bound gamma^(t-k)", one.excess.values, 1.0, "at most 1"))
    simple = np.log(found.rate.sel(cell="elman").values) if "elman" in found.cell else None
    for cell in ("leaky", "skip", "gru", "lstm", "lstm_no_forget"):
        if simple is not None and cell in found.cell:
            longer = np.log(found.rate.sel(cell=cell).values) - simple
            source = {"leaky": "L4.9", "skip": "L4.7", "gru": "L4.10"}.get(cell, "L1.15")
            one = above(source, f"log growth per step, {cell} less elman", longer, 0.0, "above 0: falls more slowly")
            told.append(replace(one, known=KNOWN.get(cell, "")))
    return told


def picture(found):
    """A map and a curve for each cell."""
    cells = list(map(str, found.cell.values))
    columns = min(4, len(cells))
    blocks = -(-len(cells) // columns)
    figure, axes = pictures.figure(columns, 2 * blocks, width=3.2, height=2.7)
    image = None
    for number, cell in enumerate(cells):
        row, column = divmod(number, columns)
        top, below = axes[2 * row, column], axes[2 * row + 1, column]
        one = found.sel(cell=cell)
        table = np.median(one.delta.values, axis=0)
        seen = np.where(np.tri(len(table), dtype=bool), np.log10(np.maximum(table, 1e-300)), np.nan)
        image = top.pcolormesh(
            found.k, found.t, seen, cmap=pictures.DIVERGING, vmin=-REACH, vmax=REACH, rasterized=True
        )
        top.set_facecolor("lightgrey")  # white is a gradient that is kept
        top.set(
            title=cell + TITLES.get(cell, ""), xlabel="use at step k", ylabel="loss at step t" if column == 0 else ""
        )
        top.invert_yaxis()
        pictures.steps(top, "x")
        pictures.steps(top, "y")
        pictures.steps(below)
        pictures.band(below, found.distance, one.fall.values, pictures.COLOURS[0], "measured")
        distance = found.distance.values
        pictures.theory(
            below, distance, np.median(one.gamma.values) ** distance, pictures.COLOURS[1], "$\\gamma^{t-k}$ (bound)"
        )
        pictures.theory(below, distance, np.median(one.radius.values) ** distance, "black", "$\\rho^{t-k}$")
        below.set(xlabel="distance t - k", ylim=(10.0**FLOOR, 1e4))
        below.set_ylabel("relative norm" if column == 0 else "")
    axes[1, 0].legend(loc="lower left")
    for ax in (
        axes[2 * (k // columns) + half, k % columns] for k in range(len(cells), blocks * columns) for half in (0, 1)
    ):
        ax.set_visible(False)
    figure.colorbar(
        image,
        ax=axes[::2].ravel().tolist(),
        label="$\\log_{10} \\|\\delta_{t,k}\\| / \\|\\delta_{t,t}\\|$: below 0 vanishing, above 0 exploding",
        shrink=0.8,
        extend="both",
    )
    return figure


FLOOR = -5
REACH = 2
"""Powers of ten to which the colours of the maps go, both ways: what is beyond is as dark."""
TITLES = {"leaky": ", $\\mu = 0.9$", "skip": ", $d = 4$"}
KNOWN = {"gru": "an untrained GRU has z = 1/2: half of the state goes at every step"}

EXPERIMENT = Experiment(
    name="delta_map",
    title="How far back a loss reaches, in eight recurrences",
    sources=("L4.5", "L4.7", "L4.9", "L4.10", "L1.15"),
    settings={"n": 24, "steps": 40, "forget_bias": 2.0, "cell": CELLS},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"n": 16, "steps": 24},
    quick_seeds=20,
)
