"""Labelled results: named dimensions, units, and what they came from."""

import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import refseq

if TYPE_CHECKING:
    from xarray import Dataset

Variable = tuple[Sequence[str], Any, str, str]
"""Dimensions, values, units ("1" for a pure number), and what it is in words."""


def dataset(variables: Mapping[str, Variable], coordinates: Mapping[str, Variable] | None = None) -> "Dataset":
    """A dataset of these variables; ``coordinates`` are the values along dimensions."""
    import xarray

    def labelled(given: Variable) -> tuple:
        dimensions, values, units, words = given
        return tuple(dimensions), np.asarray(values), {"units": units, "long_name": words}

    return xarray.Dataset(
        {name: labelled(given) for name, given in variables.items()},
        {name: labelled(given) for name, given in (coordinates or {}).items()},
    )


def setting(found: "Dataset", name: str) -> Any:
    """A setting of joined results that is no axis."""
    return json.loads(found.attrs["settings"])[name]


@cache
def origin() -> dict[str, str]:
    """Versions of what computed, and the commit of the source if it is in a repository."""
    found = {"refseq": refseq.__version__, "python": platform.python_version()}
    found |= {name: importlib.metadata.version(name) for name in ("numpy", "numba", "scipy", "xarray")}
    found["machine"] = platform.machine()
    return {f"version_{name}": version for name, version in found.items()} | _commit()


def _commit() -> dict[str, str]:
    here = Path(refseq.__file__).parent
    if not (here.parent / ".git").exists():  # an installed package is in no repository, or in somebody else's
        return {}
    try:
        command = ["git", "-C", str(here), "describe", "--always", "--dirty"]
        told = subprocess.run(command, check=False, capture_output=True, text=True)
    except OSError:  # no git
        return {}
    return {"commit": told.stdout.strip()} if told.returncode == 0 else {}
