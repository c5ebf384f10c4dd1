"""The lectures' experiments, reproduced with numbers, theory and pictures.

    experiment  what one is: settings, a pure measurement, a picture, statements
    data        labelled results with units
    statistics  sentences that a test over seeds decides
    tasks       one measurement: its address, and its file, written at once
    sweep       all measurements of a grid, on all cores or on a Dask cluster
    results     the files of an experiment joined into one
    pictures    colours, theory as a dashed line, bands over seeds
    report      run experiments, and write what came out

    flow        how activations and gradients grow or die over time
    landscape   what that makes of the loss as a function of the parameters
    memory      how long a state keeps what came in
    learning    what is learned, and over how many steps
    systems     what attention and memory add to it

The command is ``refseq experiment``; ``pip install 'refseq[experiments]'`` brings what it needs. Nothing here has a
formula of a recurrence or of a gradient: those are refseq's.
"""

import importlib
import importlib.util

from refseq import arguments
from refseq.experiments.experiment import Experiment

PLACES = {
    "relu_gain": "flow",
    "saturating": "flow",
    "initialisations": "flow",
    "forget_bias": "flow",
    "delta_map": "flow",
    "lyapunov": "flow",
    "critical_gain": "flow",
    "truncation": "flow",
    "tree_depth": "flow",
    "skip_length": "flow",
    "power": "landscape",
    "error_surface": "landscape",
    "clipping_paths": "landscape",
    "loss_spikes": "landscape",
    "leaky_half_life": "memory",
    "saturation": "memory",
    "bit_survival": "memory",
    "lstm_by_hand": "memory",
    "adding": "learning",
    "copy_memory": "learning",
    "temporal_order": "learning",
    "slot_filling": "learning",
    "name_tagging": "learning",
    "depth": "learning",
    "attention_length": "systems",
    "reversed_source": "systems",
    "turing_copy": "systems",
    "story_hops": "systems",
}
"""Every experiment and its folder, in the order of the lectures' argument."""

PACKAGES = ("xarray", "h5netcdf", "matplotlib", "joblib", "distributed")


def missing() -> str | None:
    """None if all packages are there, else the command that installs them."""
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    return f"{', '.join(absent)} not installed: pip install 'refseq[experiments]'" if absent else None


def experiment(name: str) -> Experiment:
    """The experiment of this name. Raises ValueError for an unknown one."""
    folder = PLACES[arguments.choice("name", name, PLACES)]
    return importlib.import_module(f"refseq.experiments.{folder}.{name}").EXPERIMENT
