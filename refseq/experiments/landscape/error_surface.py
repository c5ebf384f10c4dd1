"""The error surface has flat parts and cliffs (L1.13).

One sigmoid unit, h_t = sigmoid(w h_(t-1) + b), its loss (h_50 - 0.7)^2 and the norm of the loss's gradient, as
functions of w and b (``one_unit``). For w > 4 the map has two stable fixed points, and the low one disappears at a
fold. Beside the fold lies the cliff: below it h_50 is low and the gradient almost 0, above it high, and on the cliff
the gradient is at least twenty times as large. The dashed line is the fold, which the cliff approaches for T ->
infinity.
"""

import numpy as np

from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.landscape.one_unit import fold, parameters, value_and_gradient
from refseq.experiments.statistics import Statement, always

W, B = (2.5, 8.0), (-4.0, -1.5)


def measure(configuration, seed):
    """Loss and gradient on a grid. Nothing is random."""
    size = configuration["size"]
    w, b = np.linspace(*W, size), np.linspace(*B, size)
    loss, norm = np.zeros((2, size, size))
    for i, one in enumerate(w):
        for j, other in enumerate(b):
            loss[i, j], grads = value_and_gradient(parameters(float(one), float(other)))
            norm[i, j] = np.hypot(grads["W_hh"].item(), grads["b_h"].item())
    return dataset(
        {
            "loss": (("w", "b"), loss, "1", "loss (h_50 - 0.7)^2"),
            "gradient": (("w", "b"), norm, "1", "norm of its gradient in w and b"),
        },
        {"w": (("w",), w, "1", "recurrent weight"), "b": (("b",), b, "1", "bias")},
    )


def statements(found) -> list[Statement]:
    """How much steeper the cliff is than the flat part, and where it is. All is deterministic."""
    one = found.isel(seed=0)
    steep = one.w.values > 5.0
    norms = one.gradient.values[steep]
    flat = norms[:, 0] / norms.max(axis=1)
    told = [
        always("L1.13", "gradient on the flat part over that on the cliff, w > 5", flat, 0.05, "flat parts and cliffs")
    ]
    cliff = one.b.values[norms.argmax(axis=1)]
    off = abs(cliff - fold(one.w.values[steep]))
    told.append(always("L1.13", "distance in b of the steepest place from the fold", off, 0.1, "near the fold"))
    return told


def picture(found):
    """The surface, its gradient, and a cut."""
    one = found.isel(seed=0)
    w, b = one.w.values, one.b.values
    figure = pictures.blank(12.6, 3.8)
    ax = figure.add_subplot(1, 3, 1, projection="3d")
    ax.plot_surface(
        w[:, None], b[None, :], one.loss.values, cmap=pictures.MAP, rcount=len(w), ccount=len(b), linewidth=0
    )
    ax.set(xlabel="w", ylabel="b", title="loss $(h_{50} - 0.7)^2$")
    ax.view_init(elev=35, azim=-125)
    ax = figure.add_subplot(1, 3, 2)
    image = ax.pcolormesh(w, b, np.log10(one.gradient.values.T), cmap=pictures.MAP, vmin=-3, rasterized=True)
    line = w[w > 4.05]
    pictures.theory(ax, line, fold(line), "white", "fold: the low fixed point disappears")
    legend = ax.legend(loc="upper right")
    for text in legend.get_texts():
        text.set_color("white")
    ax.set(xlabel="w", ylabel="b", title="$\\log_{10}$ of the gradient's norm", ylim=(b[0], b[-1]))
    figure.colorbar(image, ax=ax)
    _cut(figure.add_subplot(1, 3, 3), one, 6.0)
    return figure


def _cut(ax, one, at):
    """Loss and gradient along b."""
    row = one.sel(w=at, method="nearest")
    ax.plot(row.b, row.loss, color=pictures.COLOURS[0], label="loss")
    ax.plot(row.b, row.gradient, color=pictures.COLOURS[1], label="norm of its gradient")
    ax.axvline(float(fold(np.array(float(row.w)))), color="black", label="fold", **pictures.THEORY)
    ax.set(yscale="log", xlabel="b", title=f"a cut at w = {float(row.w):.2f}")
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 0.1))


EXPERIMENT = Experiment(
    name="error_surface",
    title="The error surface and its cliff",
    sources=("L1.13",),
    settings={"size": 161},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=1,
    quick={"size": 81},
    quick_seeds=1,
)
