"""Loss curves that spike (L1.13): "a recurrent network is hard to train, the loss jumps about".

A ReLU network that begins with W_hh = I (Q. Le et al., arXiv:1504.00941) and has a linear output learns to add the
two marked ones of T random numbers (the adding problem, S. Hochreiter, J. Schmidhuber, Neural Computation 9 (1997))
by gradient descent. A step that makes W_hh a little too large makes outputs grow like its power T: the loss jumps by
many powers of ten, and the next gradient with it. A jump is where the loss comes to be more than ``FACTOR`` times the
median of up to ``WINDOW`` losses before.

Plain descent jumps once in most runs: the step that follows throws the weights so far that nearly all units are off,
and nothing jumps again, nor is anything learned. Clipped by value or by norm there is no jump. Curves that jump again
and again, and come back, are those of a descent whose steps stay short at any gradient and which gets far enough to
jump from a low loss: Adam, here clipped by norm as well. The same draws in all four.
"""

import numpy as np

import refseq
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.learning.sums import draw, judge
from refseq.experiments.statistics import Statement, above, below, oftener
from refseq.optimisers import SGD, Adam
from refseq.training import Training

DESCENTS = {
    "none": "plain, no clipping",
    "value": "plain, clipped by value",
    "norm": "plain, clipped by norm",
    "adam": "Adam, clipped by norm",
}
CLIPPING = {"none": None, "value": "clip_value", "norm": "clip_norm", "adam": "clip_norm"}
WINDOW, FACTOR, ROWS = 30, 10.0, 16
OVERFLOWED = 300.0
"""log10 of a loss that is told as inf."""


def measure(configuration, seed):
    """The losses of one training."""
    length, updates = configuration["length"], configuration["updates"]
    n, descent = configuration["n"], configuration["descent"]
    model = refseq.stack(
        refseq.layer("elman", 2, n, activation="relu"), refseq.layer("output", n, 1, activation="identity")
    )
    rng = np.random.default_rng([seed, 1])
    batches = [draw(rng, length, ROWS, "float64") for _ in range(updates)]

    losses: list[float] = []

    def value_and_gradient(params, batch):
        x, wanted = batch
        run = model.forward(params, x)
        loss, dy, _ = judge(run.y, wanted)
        losses.append(float(loss))
        return loss, model.backward(run, dy).params

    option = CLIPPING[descent]
    clip = {option: configuration["value" if descent == "value" else "norm"]} if option else {}
    params = model.initialise(seed, "identity")
    optimiser = Adam(configuration["adam_rate"]) if descent == "adam" else SGD(configuration["rate"])
    training = Training(optimiser, **clip)
    try:
        training.run(value_and_gradient, params, batches, 1, progress=False)
    except FloatingPointError:  # numbers have overflowed: no update can be made any more
        losses = [loss for loss in losses if np.isfinite(loss)]
    curve = np.full(updates, np.inf)
    curve[: len(losses)] = losses
    before = np.array([np.median(curve[max(t - WINDOW, 0) : t]) for t in range(1, len(losses))])
    high = curve[1 : len(losses)] > FACTOR * before
    jumps = int((high & ~np.append(False, high[:-1])).sum())
    return dataset(
        {
            "loss": (("update",), curve, "1", "squared error before each update; inf once it has overflowed"),
            "jumps": ((), jumps, "1", "times that the loss jumps"),
            "diverged": ((), int(np.isinf(curve[-1])), "1", "1 where numbers overflowed"),
            "peak": ((), np.log10(max(losses) / losses[0]), "1", "log10 of the largest finite loss over the first"),
            "late": ((), np.log10(np.median(curve[-100:])), "1", "log10 of the median of the last 100 losses"),
        },
        {"update": (("update",), np.arange(updates), "1", "updates made")},
    )


def statements(found) -> list[Statement]:
    """How high losses jump, how often, and what is learned."""
    ways = {str(name): found.sel(descent=name) for name in found.descent.values}
    none = ways["none"]
    told = [above("L1.13", "powers of ten that the loss jumps up without clipping", none.peak.values, 3.0)]
    for name in (name for name in ("value", "norm") if name in ways):
        one = ways[name]
        less = one.peak.values - none.peak.values
        told.append(below("L1.13", f"powers of ten that it jumps, by {name} less without", less, 0.0, "below 0: cured"))
        gained = np.minimum(none.late.values, OVERFLOWED) - one.late.values  # from 0 to 70: far from normal
        told.append(oftener("L1.13", f"the late loss is lower by {name} than without", gained))
    if "adam" in ways:
        told.append(above("L1.13", "times that it jumps with Adam", ways["adam"].jumps.values, 1.0, "jumps about"))
    return told


def picture(found):
    """The losses of one seed, jumps and their height by seed."""
    names = list(map(str, found.descent.values))
    figure, axes = pictures.figure(len(names) + 1, 1, width=3.3)
    peaks = found.peak.transpose("descent", "seed").values
    seed = int(found.seed.values[np.argsort(peaks[0])[len(peaks[0]) // 2]])  # the median one
    shown = found.loss.sel(seed=seed).values
    limits = (1e-3, float(shown[np.isfinite(shown)].max()) * 10)
    for ax, (name, colour) in zip(axes[0], pictures.label_lines(names), strict=False):
        one = found.sel(descent=name, seed=seed)
        ax.plot(one["update"] + 1, one.loss, color=colour, linewidth=0.7)
        ax.set(xscale="log", yscale="log", xlabel="update", ylim=limits)
        ax.set_title(f"{DESCENTS[name]}; jumps: {int(one.jumps)}")
    axes[0, 0].set_ylabel(f"squared error, seed {seed}")
    for k, (name, colour) in enumerate(pictures.label_lines(names)):
        jumps = found.jumps.sel(descent=name).values
        spread = np.linspace(-0.15, 0.15, len(jumps))
        axes[0, -1].plot(jumps + spread, 10.0 ** peaks[k], "os^D"[k], color=colour, markersize=5, alpha=0.7)
        axes[0, -1].plot([], [], "os^D"[k], color=colour, label=DESCENTS[name])
    axes[0, -1].set(yscale="log", xlabel="jumps in a run", ylabel="largest loss over the first")
    axes[0, -1].set_title(f"all {peaks.shape[1]} seeds")
    axes[0, -1].set_xlim(-0.5, max(8.0, float(found.jumps.max()) + 0.5))
    pictures.steps(axes[0, -1])
    axes[0, -1].legend(loc="upper right")
    return figure


EXPERIMENT = Experiment(
    name="loss_spikes",
    title="Loss curves that spike",
    sources=("L1.13",),
    settings={
        "n": 32,
        "length": 30,
        "rate": 0.002,
        "adam_rate": 0.01,
        "value": 0.1,
        "norm": 1.0,
        "updates": 1000,
        "descent": tuple(DESCENTS),
    },
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"updates": 600},
    quick_seeds=20,
)
