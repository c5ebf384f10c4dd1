"""An experiment that costs nothing, and writes down what it does."""

import time
from pathlib import Path

import numpy as np

from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import equals


def measure(configuration, seed):
    """A normal number around ``gain``; one line in the log before and one after."""
    name = f"{configuration['gain']:g} {configuration['word']} {seed}"
    log = Path(configuration["log"])
    if configuration["log"] != "none":
        with log.open("a") as file:
            file.write(f"begun {name}\n")
        time.sleep(configuration["seconds"])
        with log.open("a") as file:
            file.write(f"ended {name}\n")
    drawn = np.random.default_rng([seed, int(1000 * configuration["gain"])]).normal(configuration["gain"], 0.1)
    return dataset(
        {
            "number": ((), drawn, "1", "a number"),
            "curve": (("t",), drawn * np.arange(1, 4), "volt", "a line"),
        },
        {"t": (("t",), np.arange(1, 4), "step", "time")},
    )


def statements(found):
    return [
        equals("L0", f"number, {g:g}", found.number.sel(gain=g).values, float(g), 0.5) for g in map(float, found.gain)
    ]


def picture(found):
    figure, axes = pictures.figure()
    pictures.band(axes[0, 0], found.t, found.curve.isel(gain=0, word=0).values, pictures.COLOURS[0], "line")
    return figure


EXPERIMENT = Experiment(
    name="tiny",
    title="A number",
    sources=("L0",),
    settings={"gain": (1.0, 2.0), "word": ("a", "bc"), "log": "none", "seconds": 0.05},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=5,
    quick={"gain": (1.0,)},
    quick_seeds=3,
)
