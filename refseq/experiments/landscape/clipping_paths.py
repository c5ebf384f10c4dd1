"""Gradient descent at the cliff, with and without clipping (L1.13, L4.6).

The surface of ``error_surface``. Every path starts above the cliff and goes down towards it; where it steps on the
cliff the gradient throws it far away. Clipping by value bounds every entry of the gradient, clipping by norm the
whole gradient, whose direction it keeps: no step is longer than the rate times the threshold (times sqrt 2 by value,
there are two parameters). The lecture's claim that both perform alike is put to the test: the lowest loss of the last
steps.
"""

from dataclasses import replace

import numpy as np

from refseq.experiments import pictures
from refseq.experiments.data import dataset, setting
from refseq.experiments.experiment import Experiment
from refseq.experiments.landscape.one_unit import fold, parameters, value_and_gradient
from refseq.experiments.statistics import Statement, above, always, below, equals
from refseq.optimisers import SGD
from refseq.training import Training

CLIPPING = {"none": None, "value": "clip_value", "norm": "clip_norm"}


def measure(configuration, seed):
    """The path of one descent and its losses."""
    steps, option = configuration["steps"], CLIPPING[configuration["clipping"]]
    rng = np.random.default_rng(seed)
    w = rng.uniform(5.5, 6.5)
    b = float(fold(w)) + rng.uniform(0.2, 0.6)
    path = [(w, b)]
    clip = {option: configuration["threshold"]} if option else {}
    state = Training(SGD(configuration["rate"]), **clip).run(
        value_and_gradient,
        parameters(w, b),
        [None],
        steps,
        callback=lambda now: path.append((now.params["W_hh"].item(), now.params["b_h"].item())),
        progress=False,
    )
    where = np.array(path)
    return dataset(
        {
            "path": (("step", "parameter"), where, "1", "w and b"),
            "loss": (("update",), state.history["loss"], "1", "loss before each update"),
            "longest": ((), np.linalg.norm(np.diff(where, axis=0), axis=1).max(), "1", "longest step"),
            "late": ((), np.log10(state.history["loss"][-20:].min()), "1", "log10 of the lowest of the last 20 losses"),
        },
        {
            "step": (("step",), np.arange(steps + 1), "1", "updates made"),
            "update": (("update",), np.arange(steps), "1", "updates made"),
            "parameter": (("parameter",), np.array(["w", "b"]), "", "which parameter"),
        },
    )


def statements(found) -> list[Statement]:
    """Bounds on steps, what clipping gains, and whether its two forms are alike."""
    none, value, norm = (found.sel(clipping=name) for name in CLIPPING)
    bound = setting(found, "rate") * setting(found, "threshold")
    rounding = 1 + 1e-12
    thrown = np.log10(none.longest.values / bound)
    told = [above("L1.13", "log10 of the longest step without clipping, over the bound", thrown, 0.5)]
    told.append(always("L4.6", "longest step by norm", norm.longest.values, bound * rounding, "rate x threshold"))
    words = "rate x threshold x sqrt 2"
    told.append(always("L4.6", "longest step by value", value.longest.values, bound * 2**0.5 * rounding, words))
    for name, one in (("value", value), ("norm", norm)):
        gained = one.late.values - none.late.values
        cured = below(
            "L1.13", f"log10 of the late loss, by {name} less without", gained, 0.0, "below 0: clipping cures"
        )
        told.append(replace(cured, known=TURNED if name == "value" else ""))
    alike = equals(
        "L4.6", "log10 of the late loss, by value less by norm", value.late.values - norm.late.values, 0.0, 0.5
    )
    return [*told, replace(alike, known=TURNED)]


def picture(found):
    """Some paths on the surface, and the losses."""
    figure, axes = pictures.figure(4, 1, width=3.6)
    w, b = np.linspace(2, 8, 61), np.linspace(-4, 1.5, 61)
    losses = np.array([[value_and_gradient(parameters(float(x), float(y)))[0] for x in w] for y in b])
    image = None
    for ax, (name, colour) in zip(axes[0], pictures.label_lines(CLIPPING), strict=False):
        image = ax.pcolormesh(w, b, losses, cmap="Greys", vmax=0.6, rasterized=True)
        for seed in found.seed.values[:3]:
            path = found.path.sel(clipping=name, seed=seed).values
            ax.plot(*path.T, "-", color=colour, linewidth=0.8, marker="o", markersize=2)
            ax.plot(*path[0], "o", color="black", markersize=5)
        pictures.theory(ax, w[w > 4.05], fold(w[w > 4.05]), "black")
        title = "no clipping: thrown off the map" if name == "none" else f"clipped by {name}"
        ax.set(title=title, xlabel="w", xlim=(2, 8), ylim=(-4, 1.5))
    axes[0, 0].set_ylabel("b")
    figure.colorbar(image, ax=axes[0, 2], label="loss")
    for name, colour in pictures.label_lines(CLIPPING):
        label = "none" if name == "none" else f"by {name}"
        pictures.band(axes[0, 3], found["update"], found.loss.sel(clipping=name).values, colour, label)
    axes[0, 3].set(title="loss", xlabel="updates")
    pictures.steps(axes[0, 3])
    axes[0, 3].legend(title="clipping", loc="lower left")
    return figure


TURNED = "by value both entries are cut alike, so that steps at the cliff go to and fro at 45 degrees"

EXPERIMENT = Experiment(
    name="clipping_paths",
    title="Gradient descent at the cliff, clipped and not",
    sources=("L1.13", "L4.6"),
    settings={"rate": 2.0, "threshold": 0.1, "steps": 200, "clipping": tuple(CLIPPING)},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=100,
    quick_seeds=25,
)
