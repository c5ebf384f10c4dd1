"""w^999 (L1.14): the linear network of one unit, h_t = w h_(t-1) + x_t, with the input 1 at step 1 only.

The output at step 1000 is w^999, and its derivative 999 w^998: computed by the forward pass and by BPTT, 999
multiplications by the same w. The lecture's table: w = 1 gives 1, w = 1.01 about 20000, w = 0.99 and w = 0.01 about 0.
In an interval of 0.02 around 1 the derivative runs through nine powers of ten: no learning rate suits all of it. (The
lecture's summary swaps the words: exploding is the side of 1.01, vanishing that of 0.99.)
"""

import numpy as np

import refseq
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, exactly

STEPS = 1000
TABLE = (0.01, 0.99, 1.0, 1.01)


def measure(configuration, seed):
    """The outputs by time, and dy_1000/dw. Nothing is random."""
    layer = refseq.layer("elman", inputs=1, units=1, activation="identity", bias=False)
    params = {"W_hx": np.ones((1, 1, 1)), "W_hh": np.full((1, 1, 1), float(configuration["w"]))}
    x = np.zeros((STEPS, 1, 1))
    x[0] = 1.0
    run = layer.forward(params, x)
    dy = np.zeros_like(run.y)
    dy[-1] = 1.0
    gradient = layer.backward(run, dy).params["W_hh"].item()
    return dataset(
        {
            "y": (("t",), run.y[:, 0, 0], "1", "output"),
            "last": ((), run.y[-1].item(), "1", "output at step 1000"),
            "gradient": ((), gradient, "1", "its derivative in w"),
        },
        {"t": (("t",), np.arange(1, STEPS + 1), "step", "time")},
    )


def statements(found) -> list[Statement]:
    """The table, in exact arithmetic up to the rounding of 999 products."""
    told, rounding = [], 2 * STEPS * float(np.finfo(float).eps)
    for w in (w for w in TABLE if w in found.w.values):
        one = found.sel(w=w, seed=0)
        told.append(exactly("L1.14", f"output at step 1000, w = {w:g}", one.last.item(), w**999, rounding))
        told.append(exactly("L1.14", f"its derivative, w = {w:g}", one.gradient.item(), 999 * w**998, rounding))
    return told


def picture(found):
    """Outputs over time; output and derivative by w."""
    figure, axes = pictures.figure(2, 1)
    for w, colour in pictures.label_lines([w for w in TABLE if w in found.w.values]):
        axes[0, 0].plot(found.t, found.y.sel(w=w, seed=0), color=colour, label=f"w = {w:g}", linewidth=1.6)
    axes[0, 0].set(
        yscale="log", ylim=(1e-12, 1e6), xlabel="time step t", title="$h_t = w\\, h_{t-1}$, input 1 at step 1 only"
    )
    pictures.steps(axes[0, 0])
    axes[0, 0].legend(loc="lower left")
    near = found.sel(seed=0).where((found.w > 0.9), drop=True)
    fine = np.linspace(near.w.values.min(), near.w.values.max(), 200)
    ax = axes[0, 1]
    ax.plot(near.w, near.last, "o", markersize=3.5, color=pictures.COLOURS[0], label="$y_{1000}$")
    ax.plot(near.w, near.gradient, "s", markersize=3.5, color=pictures.COLOURS[1], label="$dy_{1000}/dw$ by BPTT")
    pictures.theory(ax, fine, fine**999, pictures.COLOURS[0])
    pictures.theory(ax, fine, 999 * fine**998, pictures.COLOURS[1])
    ax.set(yscale="log", xlabel="w", title="output and derivative at step 1000")
    pictures.dashed_legend(ax, "$w^{999}$, $999\\, w^{998}$", loc="upper left")
    return figure


EXPERIMENT = Experiment(
    name="power",
    title="w to the power of 999",
    sources=("L1.14",),
    settings={"w": tuple(sorted({*TABLE, *(round(float(w), 4) for w in np.linspace(0.98, 1.02, 41))}))},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=1,
    quick={"w": tuple(sorted({*TABLE, *(round(float(w), 4) for w in np.linspace(0.98, 1.02, 11))}))},
    quick_seeds=1,
)
