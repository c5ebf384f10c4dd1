"""The results of all tasks joined into one file, one task at a time, so that memory does not grow with their number."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from refseq.experiments.data import origin
from refseq.experiments.experiment import Plan
from refseq.experiments.sweep import tasks
from refseq.experiments.tasks import ENGINE, WORK

if TYPE_CHECKING:
    from xarray import Dataset


def join(plan: Plan, folder: Path) -> Path:
    """Write FOLDER/NAME.nc: every variable along the axes of the grid, the seed, and its own dimensions. Raises
    ValueError for a result whose variables or shapes differ from the first."""
    import h5netcdf
    import h5py

    file = folder / f"{plan.experiment.name}.nc"
    beside = file.with_name(f".{file.name}.part")
    try:
        with h5netcdf.File(beside, "w") as joined:
            expected: dict[str, tuple[int, ...]] = {}
            work = 0.0
            for (place, _, _), task in zip(plan.places(), tasks(plan, folder), strict=True):
                expected = expected or _frame(joined, plan, task.read())
                with h5py.File(task.file) as opened:
                    result: Any = opened
                    found = {name: result[name].shape for name in expected if name in result}
                    if found != expected:
                        raise ValueError(f"{task.configuration}: expected results {expected}, got {found}")
                    for name in expected:
                        joined.variables[name][place] = result[name][()]
                    work += result.attrs[WORK].item()
            joined.attrs[WORK] = work
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    for left in (folder / "tasks" / plan.experiment.name).glob(".*.part"):  # by processes that were killed
        left.unlink(missing_ok=True)
    return file


def _frame(joined: Any, plan: Plan, result: "Dataset") -> dict[str, tuple[int, ...]]:
    """Dimensions, coordinates, attributes and empty variables; returns the shapes of one result's variables."""
    import h5py

    text = h5py.string_dtype()
    axes = {name: np.asarray(values) for name, values in plan.axes.items()} | {"seed": np.arange(plan.seeds)}
    joined.dimensions = {name: len(values) for name, values in axes.items()} | {
        str(n): s for n, s in result.sizes.items()
    }
    for name, values in axes.items():
        words = values.dtype.kind == "U"
        made = joined.create_variable(name, (name,), text if words else values.dtype)
        made[...] = values.astype(object) if words else values
    for name, variable in {**result.coords, **result.data_vars}.items():
        own = tuple(map(str, variable.dims))
        words = variable.dtype.kind in "OUT"
        dimensions = own if name in result.coords else (*axes, *own)
        made = joined.create_variable(str(name), dimensions, text if words else variable.dtype)
        for key in ("units", "long_name"):
            made.attrs[key] = variable.attrs.get(key, "")
        if name in result.coords:
            made[...] = variable.values.astype(object) if words else variable.values
    about = {"title": plan.experiment.title, "experiment": plan.experiment.name, "source": result.attrs["source"]}
    about |= {"settings": json.dumps(plan.settings), "seeds": plan.seeds, **origin()}
    for key, value in about.items():
        joined.attrs[key] = value
    return {str(name): variable.shape for name, variable in result.data_vars.items()}


def load(file: Path) -> "Dataset":
    """The joined results; variables are read from the file when they are used."""
    import xarray

    return xarray.open_dataset(file, engine=ENGINE)
