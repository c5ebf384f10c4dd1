"""The half-life of a pulse in a leaky unit, against its mu (L4.9).

h_t = mu h_(t-1) + (1 - mu)(W_hh h_(t-1) + W_hx x_t + b), with an input at step 1 only. Without W_hh the pulse falls by
mu per step, and is halved after log(1/2) / log(mu) steps: exactly, for every mu. With W_hh ~ N(0, g/n) it also comes
back through the network; the powers of W_hh are uncorrelated, so that the mean-field second moment after s steps is

    sum over k of C(s, k)^2 mu^(2 (s - k)) (1 - mu)^(2 k) g^k

A mu that is learned finds the half-life by itself: a student with one mu, begun at 1/2, follows a leaky unit with
another by gradient descent through time on random inputs; nothing else of it is trained.
"""

from functools import partial

import numpy as np
from scipy.special import gammaln

import refseq
from refseq.experiments import pictures
from refseq.experiments.data import dataset, setting
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, equals, exactly
from refseq.losses import squared_error
from refseq.optimisers import Adam
from refseq.training import Training

LEARN_STEPS, ROWS, RATE = 200, 16, 0.2
KEEP = 0.9
"""beta_2 of Adam: gradients become small as mu comes near, and the first large ones should not count for long."""


def measure(configuration, seed):
    """The pulse over time without and with W_hh, its half-life, and the mu that a student learns."""
    mu, gains = configuration["mu"], (0.0, configuration["gain"])
    norms = np.stack([pulse(mu, gain, configuration, seed) for gain in gains])
    return dataset(
        {
            "norm": (("gain", "s"), norms, "1", "norm of h after the pulse, over that at the pulse"),
            "half_life": (("gain",), [half_life(row) for row in norms], "step", "steps until the norm is halved"),
            "learned": ((), learned(mu, configuration["updates"], seed), "1", "mu of the student"),
        },
        {
            "gain": (("gain",), np.array(gains), "1", "g, W_hh ~ N(0, g/n)"),
            "s": (("s",), np.arange(configuration["steps"]), "step", "steps after the pulse"),
        },
    )


def pulse(mu, gain, configuration, seed):
    """Norms of the state from the pulse on, over the first."""
    layer = refseq.layer("leaky", 1, configuration["n"], activation="identity", mu=mu)
    params = layer.initialise(seed, "gaussian")
    params["W_hh"] *= gain**0.5
    x = np.zeros((configuration["steps"], 1, 1))
    x[0] = 1.0
    norms = np.linalg.norm(layer.forward(params, x, gradient=False).y[:, 0], axis=1)
    return norms / norms[0]


def half_life(norms: np.ndarray) -> float:
    """Where the norm crosses 1/2, on a straight line through the logarithms; NaN if it does not."""
    below = np.flatnonzero(norms <= 0.5)
    if not len(below):
        return float("nan")
    after = int(below[0])
    return after - 1 + float(np.log(2 * norms[after - 1]) / np.log(norms[after - 1] / norms[after]))


def learned(mu, updates, seed):
    """The mu of a student of one unit whose teacher has ``mu``."""
    teacher = refseq.layer("leaky", 1, 1, activation="identity", mu=mu)
    student = refseq.layer("leaky", 1, 1, activation="identity", mu=0.5, learn="layer")
    one = {"W_hx": np.ones((1, 1, 1)), "W_hh": np.zeros((1, 1, 1)), "b_h": np.zeros((1, 1))}
    rng = np.random.default_rng([seed, 1])

    def value_and_gradient(params, x):
        run = student.forward({**one, **params}, x)
        loss = squared_error(run.y, teacher.forward(one, x, gradient=False).y)
        return loss.value, {"mu_logit": student.backward(run, loss.gradient).params["mu_logit"]}

    start = {"mu_logit": student.initialise(0)["mu_logit"]}
    batches = [rng.normal(size=(LEARN_STEPS, ROWS, 1)) for _ in range(updates)]
    training = Training(Adam(RATE, beta_2=KEEP), schedule=partial(_falling, updates=updates))
    state = training.run(value_and_gradient, start, batches, 1, progress=False)
    layer = refseq.layer("output", 1, 1, activation="sigmoid")
    weights = {"W_yh": np.ones((1, 1, 1)), "b_y": np.zeros((1, 1))}
    return layer.forward(weights, state.params["mu_logit"].reshape(1, 1, 1)).y.item()


def _falling(step: int, updates: int) -> float:
    """The rate stays for half of the updates and then falls to a hundredth."""
    return RATE * 100.0 ** -max(0.0, 2 * step / updates - 1)


def theory(mu):
    """The half-life of mu^s."""
    return np.log(0.5) / np.log(mu)


def mean_field(mu: float, gain: float, steps: int) -> np.ndarray:
    """The theory's norm after 0 ... steps - 1 steps."""
    s, k = np.arange(steps)[:, None], np.arange(steps)[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        ways = 2 * (gammaln(s + 1) - gammaln(k + 1) - gammaln(np.maximum(s - k, 0) + 1))
        terms = np.exp(ways + 2 * (s - k) * np.log(mu) + k * (2 * np.log1p(-mu) + np.log(gain)))
    return np.sqrt(np.where(k <= s, terms, 0.0).sum(axis=1))


def statements(found) -> list[Statement]:
    """Exact without W_hh; mean field with it; what is learned."""
    told, steps, gain = [], len(found.s), setting(found, "gain")
    rounding = 4 * steps * float(np.finfo(float).eps)
    for mu in map(float, found.mu.values):
        one = found.sel(mu=mu)
        measured = float(one.half_life.isel(gain=0, seed=0))
        told.append(exactly("L4.9", f"half-life in steps, mu = {mu:g}", measured, float(theory(mu)), rounding))
    for mu in (float(found.mu.values.min()), float(found.mu.values.max())):
        half = half_life(mean_field(mu, gain, steps))
        values = found.half_life.isel(gain=1).sel(mu=mu).values
        told.append(equals("L4.9", f"half-life, mu = {mu:g}, W_hh ~ N(0, {gain:g}/n)", values, half, 0.1 * half))
    for mu in map(float, found.mu.values):
        values = theory(found.learned.sel(mu=mu).values)
        half = float(theory(mu))
        told.append(equals("L4.9", f"half-life of the learned mu, teacher's {mu:g}", values, half, 0.05 * half))
    return told


def picture(found):
    """Pulses over time; half-lives by mu."""
    figure, axes = pictures.figure(2, 1, width=5.0)
    ax, gain, steps = axes[0, 0], setting(found, "gain"), len(found.s)
    for mu, colour in pictures.label_lines(found.mu.values[-6:]):
        norm = found.norm.sel(mu=mu).isel(gain=0, seed=0)
        ax.plot(found.s, norm, color=colour, linewidth=1.5, label=f"$\\mu$ = {mu:g}")
        ax.plot([theory(mu)], [0.5], "o", color=colour, markersize=5)
    ax.axhline(0.5, color="grey", linewidth=0.8)
    ax.set(
        xlabel="steps after the pulse", ylim=(0, 1.02), title="what is left of a pulse, no $W_{hh}$; dots: half-life"
    )
    pictures.steps(ax)
    ax.legend(loc="upper right")
    _half_lives(axes[0, 1], found, gain, steps)
    return figure


def _half_lives(ax, found, gain, steps):
    """Half-lives by 1 - mu, both axes logarithmic."""
    mu = found.mu.values
    fine = 1 - np.geomspace(1 - mu.max(), 1 - mu.min(), 40)
    half = found.half_life.transpose("gain", "seed", "mu").values
    ax.plot(1 - mu, half[0, 0], "o", color=pictures.COLOURS[0], label="preset, no $W_{hh}$")
    pictures.theory(ax, 1 - fine, theory(fine), pictures.COLOURS[0])
    ax.plot(
        1 - mu, np.median(half[1], axis=0), "s", color=pictures.COLOURS[1], label=f"preset, $W_{{hh}}$, g = {gain:g}"
    )
    pictures.theory(ax, 1 - fine, [half_life(mean_field(m, gain, 2 * steps)) for m in fine], pictures.COLOURS[1])
    student = theory(np.median(found.learned.transpose("seed", "mu").values, axis=0))
    ax.plot(1 - mu, student, "x", color=pictures.COLOURS[7], markersize=8, label="learned $\\mu$, begun at 0.5")
    ax.set(xscale="log", yscale="log", xlabel="$1 - \\mu$", ylabel="steps", title="half-life of a pulse")
    ax.set_xticks(1 - mu, [f"{1 - m:.3g}" for m in mu], rotation=45)
    ax.minorticks_off()
    pictures.plain_log(ax, "y")
    pictures.dashed_legend(ax, "theory: log(1/2) / log $\\mu$; mean field", loc="lower left")


EXPERIMENT = Experiment(
    name="leaky_half_life",
    title="The half-life of a pulse in a leaky unit",
    sources=("L4.9",),
    settings={
        "n": 256,
        "steps": 600,
        "updates": 300,
        "gain": 0.5,
        "mu": (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995),
    },
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"n": 256, "steps": 150, "updates": 150, "mu": (0.5, 0.9, 0.98)},
    quick_seeds=12,
)
