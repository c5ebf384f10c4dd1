"""What truncated backpropagation through time leaves out (L4.1, L4.5).

A tanh network with random inputs at every step and a loss at every step; BPTT(1, k) lets every loss reach k steps
back. The pairs (t, k) that it leaves out are those that have vanished, if gradients vanish: the bias of dL/dW_hh
falls by sqrt(chi) for every step more, chi being the mean-field growth of a gradient's second moment under these
inputs. Where gradients hardly vanish, it stays near 100 % until the reach is the whole sequence. There it is 0, up to
rounding.
"""

import numpy as np

import refseq
from refseq.dynamics import fixed_point, growth
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, always, equals
from refseq.gradients import truncated_gradients

FEATURES = 16


def measure(configuration, seed):
    """The relative error of the recurrent matrix's gradient, by reach."""
    n, steps = configuration["n"], configuration["steps"]
    layer = refseq.layer("elman", inputs=FEATURES, units=n)
    params = layer.initialise(seed, "gaussian", gain=configuration["gain"])
    rng = np.random.default_rng([seed, 1])
    x, dy = rng.normal(size=(steps, 1, FEATURES)), rng.normal(size=(steps, 1, n))
    whole = layer.backward(layer.forward(params, x), dy).params["W_hh"]
    reaches = np.array([*range(1, min(steps, LONGEST + 1)), steps])
    errors = []
    for reach in map(int, reaches):
        part = truncated_gradients(layer, params, x, dy=dy, k1=1, k2=reach).params["W_hh"]
        errors.append(np.linalg.norm(part - whole) / np.linalg.norm(whole))
    return dataset(
        {"bias": (("reach",), errors, "1", "norm of the error of dL/dW_hh over its own")},
        {"reach": (("reach",), reaches, "step", "steps that every loss reaches back, k2")},
    )


def rate(gain: float) -> float:
    """The theory's factor for one step more: the inputs, of variance gain in every unit, act as a bias does."""
    return growth("tanh", gain, fixed_point("tanh", gain, bias=gain**0.5)) ** 0.5


def statements(found) -> list[Statement]:
    """The slope by reach, and the whole."""
    told = []
    first, last = 2, min(8, int(found.reach.values[-2]))
    for gain in map(float, found.gain.values):
        one = found.bias.sel(gain=gain)
        slope = (one.sel(reach=last).values / one.sel(reach=first).values) ** (1 / (last - first))
        told.append(equals("L4.1", f"bias per step of reach, g = {gain:g}", slope, rate(gain), 0.08))
    words = "0 up to rounding"
    told.append(always("L4.1", "bias at full reach", found.bias.isel(reach=-1).values, 1e-12, words))
    return told


def picture(found):
    """Bias by reach."""
    figure, axes = pictures.figure(1, 1, width=5.4)
    ax, near = axes[0, 0], found.isel(reach=slice(0, -1))
    for gain, colour in pictures.label_lines(found.gain.values):
        values = near.bias.sel(gain=gain).transpose("seed", "reach").values
        pictures.band(ax, near.reach, values, colour, f"g = {gain:g}")
        pictures.theory(ax, near.reach, np.median(values[:, 1]) * rate(float(gain)) ** (near.reach.values - 2), colour)
    whole = int(found.reach.values[-1])
    ax.set(xlabel="reach k of BPTT(1, k), steps", ylabel="$\\|$error$\\|$ / $\\|dL/dW_{hh}\\|$")
    ax.set_title(f"bias of truncated BPTT, T = {whole}; at k = {whole} it is 0 up to rounding")
    pictures.steps(ax)
    pictures.dashed_legend(ax, "mean field: $\\chi^{k/2}$", loc="lower left")
    return figure


LONGEST = 16

EXPERIMENT = Experiment(
    name="truncation",
    title="The bias of truncated backpropagation through time",
    sources=("L4.1", "L4.5"),
    settings={"n": 128, "steps": 50, "gain": (0.25, 0.5, 1.0, 2.0, 4.0)},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"n": 64, "steps": 30},
    quick_seeds=10,
)
