"""The bias of the forget gate (L0.8, L0.9, L1.15, L1.17): how long an LSTM remembers.

Along the direct path from c_(t-1) to c_t a gradient is multiplied by the forget gate, f = sigmoid(b) in every step
where nothing comes in: a large bias, mostly open gates. That is the whole story only where the recurrent weights are
small. The full Jacobian also goes through h: with tiny states i = o = 1/2 and c_t = f c_(t-1) + W_g h_(t-1) / 2, h =
c/2, so that the eigenvalues of a step fill a disc around f of radius sqrt(g)/4 for W_hh ~ N(0, g/n). With g = 1
gradients vanish more slowly than f says, and where f + 1/4 > 1 they grow: the LSTM does not cure exploding.
"""

import numpy as np

import refseq
from refseq.dynamics import gradient_norms
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.flow.pulse import per_step
from refseq.experiments.statistics import Statement, above, equals
from refseq.primitives import sigmoid

SMALL = 1e-3
"""The input of step 1: states stay where tanh is linear, unless they grow."""


def measure(configuration, seed):
    """Norms of dL/dc_t, and their growth over the first half of time, farthest from the loss."""
    steps = configuration["steps"]
    layer = refseq.layer("lstm", inputs=1, units=configuration["n"])
    params = layer.initialise(seed, "gaussian", gain=configuration["gain"], forget_bias=configuration["bias"])
    x = np.zeros((steps, 1, 1))
    x[0] = SMALL
    dc = np.random.default_rng([seed, 1]).normal(size=(1, 1, layer.units)) / np.sqrt(layer.units)
    norms = gradient_norms(layer, params, x, dstate={"h": None, "c": dc})["c"][1:, 0]
    first = steps // 2
    return dataset(
        {
            "gradient": (("t",), norms, "1", "norm of dL/dc_t, L in the last memory"),
            "rate": ((), per_step(norms[: first + 1][::-1], first), "1 per step", "growth of the norm, going back"),
        },
        {"t": (("t",), np.arange(1, steps + 1), "step", "time")},
    )


def statements(found) -> list[Statement]:
    """The direct path at the smallest gain; what h adds at the largest."""
    told = []
    small, large = (float(pick(found.gain.values)) for pick in (np.min, np.max))
    for bias in map(float, found.bias.values):
        values = found.rate.sel(gain=small, bias=bias).values
        words = f"|dL/dc| per step back, g = {small:g}, bias {bias:g}"
        told.append(equals("L0.9" if bias < 1 else "L1.17", words, values, sigmoid(bias), 0.005))
    for bias in map(float, found.bias.values):
        values = found.rate.sel(gain=large, bias=bias).values
        words = f"|dL/dc| per step back, g = {large:g}, bias {bias:g}"
        told.append(above("L0.9", words, values, sigmoid(bias), f"above f = {sigmoid(bias):.3g}: h adds to it"))
    most = float(found.bias.values.max())
    values = found.rate.sel(gain=large, bias=most).values
    told.append(above("L1.15", f"LSTM explodes: |dL/dc| per step back, g = {large:g}, bias {most:g}", values, 1.0))
    return told


def picture(found):
    """Gradients over time by bias, and rates beside the forget gate."""
    gains = list(map(float, found.gain.values))
    figure, axes = pictures.figure(len(gains) + 1, 1, width=4.2)
    for ax, gain in zip(axes[0], gains, strict=False):
        for bias, colour in pictures.label_lines(found.bias.values):
            pictures.band(ax, found.t, found.gradient.sel(gain=gain, bias=bias).values, colour, f"bias {bias:g}")
            back = found.t.values[-1] - found.t.values
            pictures.theory(ax, found.t, sigmoid(float(bias)) ** back, colour)
        ax.set(title=f"$\\|dL/dc_t\\|$, $W_{{hh}} \\sim N(0, {gain:g}/n)$", xlabel="time step t", ylim=(1e-16, 1e6))
        pictures.steps(ax)
    pictures.dashed_legend(axes[0, 0], "$f^{T-t}$, $f$ = sigmoid(bias)", ncols=2, loc="upper left")
    ax, fine = axes[0, -1], np.linspace(found.bias.values.min(), found.bias.values.max(), 100)
    gate = np.array([sigmoid(float(b)) for b in fine])
    for gain, colour in pictures.label_lines(gains):
        values = found.rate.sel(gain=gain).transpose("seed", "bias").values
        ax.errorbar(
            found.bias, values.mean(axis=0), values.std(axis=0), fmt="o", color=colour, capsize=3, label=f"g = {gain:g}"
        )
        pictures.theory(ax, fine, gate + gain**0.5 / 4, colour)
    ax.axhline(1.0, color="grey", linewidth=0.8)
    ax.set(title="growth of the gradient per step back", xlabel="bias of the forget gate", ylim=(0, None))
    pictures.dashed_legend(ax, "$f + \\sqrt{g}/4$, small states", loc="lower right")
    return figure


EXPERIMENT = Experiment(
    name="forget_bias",
    title="The bias of the forget gate and what goes past it",
    sources=("L0.8", "L0.9", "L1.15", "L1.17"),
    settings={"n": 128, "steps": 60, "gain": (1e-4, 1.0), "bias": (-2.0, -1.0, 0.0, 1.0, 2.0, 4.0)},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"n": 64, "steps": 40},
    quick_seeds=8,
)
