"""One measurement: where its result belongs, and how it gets there.

The address of a result is a digest of the configuration, the seed and the source: of the measurement with what it uses
of the experiment's own file, without picture and statements, and of the part of refseq that computes. So a result is
found again only by the code that made it, and is measured once however often a sweep is cut short, resumed, or made
larger.

A file is written beside its place and renamed: whoever is killed at any moment leaves a whole result or none.
"""

import ast
import hashlib
import importlib
import inspect
import json
import os
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import refseq
from refseq.experiments.data import origin
from refseq.experiments.experiment import Configuration, Experiment

if TYPE_CHECKING:
    from xarray import Dataset

OUTSIDE = ("adapters", "bench", "checks", "cli", "experiments", "mutation")
"""Folders of refseq that compute nothing for an experiment."""
HELPERS = (
    "experiments/data.py",
    "experiments/flow/pulse.py",
    "experiments/landscape/one_unit.py",
    "experiments/learning/recipe.py",
    "experiments/learning/sums.py",
    "experiments/learning/taggers.py",
    "experiments/systems/curves.py",
    "experiments/systems/sequences.py",
)
"""What several measurements share."""
ENGINE = "h5netcdf"
WORK = "processor_seconds"
"""The attribute with what a measurement took of a processor; of joined results, what all of them took."""


@cache
def _core() -> str:
    """A digest of the source that computes."""
    package = Path(refseq.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        if place.parts[0] not in OUTSIDE or place.as_posix() in HELPERS:
            digest.update(place.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def source_digest(experiment: Experiment) -> str:
    """A digest of everything that a measurement is made by; comments and layout do not count."""
    module = importlib.import_module(experiment.module)
    kept = _used(ast.parse(inspect.getsource(module)).body, experiment.measure.__name__)
    return hashlib.sha256((_core() + "".join(map(ast.dump, kept))).encode()).hexdigest()


def _used(body: list[ast.stmt], name: str) -> list[ast.stmt]:
    """The statements of a file that give ``name`` its meaning: those that bind it, or a name that one of them reads."""
    wanted, kept = {name}, []
    while found := [node for node in body if node not in kept and wanted & _bound(node)]:
        kept += found
        wanted |= {one.id for node in found for one in ast.walk(node) if isinstance(one, ast.Name)}
    return [node for node in body if node in kept]


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement of a file binds."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    inside = list(ast.walk(node))
    stored = {one.id for one in inside if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return stored | {(one.asname or one.name).partition(".")[0] for one in inside if isinstance(one, ast.alias)}


@dataclass(frozen=True)
class Task:
    """A measurement of the experiment in ``module``, whose result belongs into ``folder``."""

    module: str
    configuration: Configuration
    seed: int
    digest: str
    folder: str

    @property
    def key(self) -> str:
        """The address."""
        text = json.dumps([self.module, self.configuration, self.seed, self.digest], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def file(self) -> Path:
        """The result's place."""
        return Path(self.folder) / f"{self.key}.nc"

    def read(self) -> "Dataset":
        """The result."""
        import xarray

        return xarray.load_dataset(self.file, engine=ENGINE)


def complete(task: Task) -> float:
    """Measure and store, unless that has been done; returns the seconds it took. Raises RuntimeError where the source
    is not that of whoever asks, as on a cluster with another version."""
    if task.file.exists():
        return 0.0
    start, worked = time.perf_counter(), time.process_time()
    experiment: Experiment = importlib.import_module(task.module).EXPERIMENT
    here = source_digest(experiment)
    if here != task.digest:
        raise RuntimeError(f"{task.module}: expected source {task.digest[:12]}, this worker has {here[:12]}")
    try:
        result = experiment.measure(dict(task.configuration), task.seed)
    except Exception as error:
        error.add_note(f"in {experiment.name} with {task.configuration}, seed {task.seed}")
        raise
    result.attrs |= {"experiment": experiment.name, "seed": task.seed, "source": task.digest, **origin()}
    result.attrs["configuration"] = json.dumps(task.configuration)
    result.attrs[WORK] = time.process_time() - worked
    store(result, task.file)
    return time.perf_counter() - start


def store(result: Any, file: Path) -> None:
    """Write a dataset, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}.", suffix=".part")
    beside = Path(name)
    try:
        os.close(descriptor)
        result.to_netcdf(beside, engine=ENGINE)
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
