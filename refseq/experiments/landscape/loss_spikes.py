"""Loss curves that spike (L1.13): "a recurrent network is hard to train, the loss jumps about".

A ReLU network that begins with W_hh = I (Q. Le et al., arXiv:1504.00941) and has a linear output learns to add the
two marked ones of T random numbers (the adding problem, S. Hochreiter, J. Schmidhuber, Neural Computation 9 (1997))
by plain gradient descent. A step that makes W_hh a little too large makes outputs grow like its power T: the loss
jumps by many powers of ten, and the next gradient with it. A spike is an update whose loss is more than ``FACTOR``
times the median of up to ``WINDOW`` before it. The same draws without clipping, and clipped by value and by norm.
"""

import numpy as np

import refseq
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, above, below
from refseq.losses import squared_error
from refseq.optimisers import SGD
from refseq.training import Training

CLIPPING = {"none": None, "value": "clip_value", "norm": "clip_norm"}
WINDOW, FACTOR, ROWS = 30, 10.0, 16
OVERFLOWED = 300.0
"""log10 of a loss that is told as inf."""


def problem(rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers with two marked, one in each half, and their sum."""
    x = np.zeros((length, ROWS, 2))
    x[:, :, 0] = rng.uniform(0, 1, (length, ROWS))
    marked = np.stack([rng.integers(0, length // 2, ROWS), rng.integers(length // 2, length, ROWS)])
    x[marked, np.arange(ROWS), 1] = 1.0
    return x, np.take_along_axis(x[:, :, 0], marked, axis=0).sum(axis=0)


def measure(configuration, seed):
    """The losses of one training."""
    length, updates = configuration["length"], configuration["updates"]
    option = CLIPPING[configuration["clipping"]]
    n = configuration["n"]
    model = refseq.stack(
        refseq.layer("elman", 2, n, activation="relu"), refseq.layer("output", n, 1, activation="identity")
    )
    rng = np.random.default_rng([seed, 1])
    batches = [problem(rng, length) for _ in range(updates)]

    losses: list[float] = []

    def value_and_gradient(params, batch):
        x, wanted = batch
        run = model.forward(params, x)
        loss = squared_error(run.y[-1:], wanted.reshape(1, ROWS, 1))
        losses.append(float(loss.value))
        dy = np.zeros_like(run.y)
        dy[-1:] = loss.gradient
        return loss.value, model.backward(run, dy).params

    clip = {option: configuration[configuration["clipping"]]} if option else {}
    params = model.initialise(seed, "identity")
    training = Training(SGD(configuration["rate"]), **clip)
    try:
        training.run(value_and_gradient, params, batches, 1, progress=False)
    except FloatingPointError:  # numbers have overflowed: no update can be made any more
        losses = [loss for loss in losses if np.isfinite(loss)]
    curve = np.full(updates, np.inf)
    curve[: len(losses)] = losses
    before = np.array([np.median(curve[max(t - WINDOW, 0) : t]) for t in range(1, len(losses))])
    spikes = int((curve[1 : len(losses)] > FACTOR * before).sum())
    return dataset(
        {
            "loss": (("update",), curve, "1", "squared error before each update; inf once it has overflowed"),
            "spikes": ((), spikes, "1", "updates whose loss spikes"),
            "diverged": ((), int(np.isinf(curve[-1])), "1", "1 where numbers overflowed"),
            "peak": ((), np.log10(max(losses) / losses[0]), "1", "log10 of the largest finite loss over the first"),
            "late": ((), np.log10(np.median(curve[-100:])), "1", "log10 of the median of the last 100 losses"),
        },
        {"update": (("update",), np.arange(updates), "1", "updates made")},
    )


def statements(found) -> list[Statement]:
    """How high losses jump, and what is learned."""
    none = found.sel(clipping="none")
    told = [above("L1.13", "powers of ten that the loss jumps up without clipping", none.peak.values, 3.0)]
    for name in ("value", "norm"):
        one = found.sel(clipping=name)
        less = one.peak.values - none.peak.values
        told.append(below("L1.13", f"powers of ten that it jumps, by {name} less without", less, 0.0, "below 0: cured"))
        gained = one.late.values - np.minimum(none.late.values, OVERFLOWED)
        told.append(below("L1.13", f"log10 of the late loss, by {name} less without", gained, 0.0, "below 0"))
    return told


def picture(found):
    """The losses of one seed, and spikes by seed."""
    figure, axes = pictures.figure(4, 1, width=3.5)
    peaks = found.peak.transpose("clipping", "seed").values
    seed = int(found.seed.values[np.argsort(peaks[0])[len(peaks[0]) // 2]])  # the median one
    shown = found.loss.sel(seed=seed).values
    for ax, (name, colour) in zip(axes[0], pictures.label_lines(CLIPPING), strict=False):
        one = found.sel(clipping=name, seed=seed)
        ax.plot(one["update"] + 1, one.loss, color=colour, linewidth=0.7)
        ax.set(xscale="log", yscale="log", xlabel="update", ylim=(1e-2, float(shown[np.isfinite(shown)].max()) * 10))
        ax.set_title(f"{'no clipping' if name == 'none' else f'clipped by {name}'}: spikes: {int(one.spikes)}")
    axes[0, 0].set_ylabel(f"squared error, seed {seed}")
    for k, (name, colour) in enumerate(pictures.label_lines(CLIPPING)):
        spread = np.linspace(-0.2, 0.2, peaks.shape[1])
        axes[0, 3].plot(k + spread, 10.0 ** peaks[k], "o", color=colour, markersize=4, alpha=0.7, label=name)
    axes[0, 3].set_xticks(range(3), ["none", "by value", "by norm"])
    axes[0, 3].set(yscale="log", title=f"largest loss over the first, {peaks.shape[1]} seeds", xlabel="clipping")
    return figure


EXPERIMENT = Experiment(
    name="loss_spikes",
    title="Loss curves that spike",
    sources=("L1.13",),
    settings={
        "n": 32,
        "length": 30,
        "rate": 0.002,
        "value": 0.1,
        "norm": 1.0,
        "updates": 1000,
        "clipping": tuple(CLIPPING),
    },
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"updates": 400},
    quick_seeds=10,
)
