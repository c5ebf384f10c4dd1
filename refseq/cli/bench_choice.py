"""What ``refseq bench`` measures: the command line's words become plans. All raise typer.BadParameter."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from refseq.bench import pictures, results
from refseq.bench.cases import Case
from refseq.bench.clock import Timing
from refseq.bench.libraries import LIBRARIES
from refseq.bench.operations import SIZES, OperationCase
from refseq.bench.plans import Plan, case, layers
from refseq.bench.shapes import CURVES, Shape, along, parse
from refseq.bench.structures import SIZES as STRUCTURES
from refseq.bench.structures import StructureCase
from refseq.cli.choice import CORE, chosen
from refseq.cli.rows import load

OWN = "refseq"


@dataclass(frozen=True)
class Choice:
    """What was asked for; empty means the usual. ``named``: whether the libraries were."""

    libraries: tuple[str, ...]
    named: bool
    cells: tuple[str, ...]
    operations: tuple[str, ...]
    shapes: tuple[str, ...]
    dtypes: tuple[str, ...]
    curves: tuple[str, ...]
    threads: int
    timing: Timing
    memory: bool

    @property
    def usual(self) -> bool:
        """Whether nothing was said of what to measure."""
        return not (self.cells or self.operations or self.shapes or self.dtypes or self.curves)


def plans(choice: Choice, old: results.Results | None = None) -> list[Plan]:
    """The plans of a choice; of the usual one beside old results, what these have."""
    for word in choice.dtypes:
        if word not in ("float32", "float64"):
            raise typer.BadParameter(f"expected float32 or float64; got {word!r}", param_hint="--dtype")
    if old is not None and choice.usual:
        keys = {one["key"]: case(one["case"]) for one in old.timed() if not one["curve"]}
        return _planned(choice, list(keys.values()))
    dtypes = list(dict.fromkeys(choice.dtypes)) or ["float32"]
    cases: list[Case] = []
    if choice.shapes or not (choice.operations or choice.curves):
        cases += layers(chosen(choice.cells) or CORE, _shapes(choice.shapes or ("small",)), dtypes)
    operations = _operations(choice.operations)
    for name in operations:
        cases += [OperationCase(name, sizes, dtype) for sizes in SIZES.get(name, ()) for dtype in dtypes]
        cases += [StructureCase(name, sizes, dtype) for sizes in STRUCTURES.get(name, ()) for dtype in dtypes]
    found = _planned(choice, cases)
    for curve in dict.fromkeys(choice.curves):
        if curve not in CURVES:
            raise typer.BadParameter(f"expected {', '.join(CURVES)}; got {curve!r}", param_hint="--curve")
        here = tuple(layers(chosen(choice.cells) or [("lstm", {})], along(curve), dtypes))
        counts = range(1, choice.threads + 1) if curve == "threads" else [choice.threads]
        found += [Plan(here, _fitting(choice, here), count, choice.timing, curve=curve) for count in counts]
    return found


def _planned(choice: Choice, cases: Sequence[Case]) -> list[Plan]:
    """One plan that times all cases, and one for each library, case and pass whose memory is to be measured."""
    if not cases:
        return []
    libraries = _fitting(choice, cases)
    found = [Plan(tuple(cases), libraries, choice.threads, choice.timing)]
    for one in cases if choice.memory else ():
        whole = one.passes[-1]
        found += [Plan((one,), (name,), choice.threads, choice.timing, whole) for name in libraries]
    return found


def _fitting(choice: Choice, cases: Sequence[Case]) -> tuple[str, ...]:
    """The libraries that were named; else those that are for one of the cases."""
    if choice.named:
        return choice.libraries
    return tuple(name for name in choice.libraries if any(LIBRARIES[name].fits(one) for one in cases))


def _shapes(words: Sequence[str]) -> list[Shape]:
    try:
        return [shape for word in words for shape in parse(word)]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--shape") from error


def _operations(words: Sequence[str]) -> list[str]:
    known = [*SIZES, *STRUCTURES]
    for word in words:
        if word not in (*known, "all"):
            raise typer.BadParameter(f"expected {', '.join(known)} or all; got {word!r}", param_hint="--operation")
    return known if "all" in words else list(dict.fromkeys(words))


def chosen_libraries(names: Sequence[str]) -> tuple[str, ...]:
    """refseq and those named, or all that are installed."""
    for name in names:
        why = LIBRARIES[name].missing() if name in LIBRARIES else None
        if why:
            raise typer.BadParameter(f"{name}: {why}", param_hint="TARGET")
        if name not in LIBRARIES:
            load(name, tuple(LIBRARIES))
    installed = [name for name, library in LIBRARIES.items() if not library.missing()]
    return tuple(dict.fromkeys([OWN, *(names or installed)]))


def chosen_threads(asked: int | None) -> int:
    """The number asked for, or one for each core that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if asked is not None and asked > cores:
        raise typer.BadParameter(f"expected at most {cores}, the cores there are; got {asked}", param_hint="--threads")
    return asked or cores


def timing(rounds: int, pause: float, hostile: bool) -> Timing:
    """How to time; the hostile setting needs torch."""
    why = LIBRARIES["torch"].missing() if hostile else None
    if why:
        raise typer.BadParameter(f"torch is what runs between the calls: {why}", param_hint="--no-pause")
    return Timing(rounds, 0.0 if hostile else pause, hostile=hostile)


def check_pictures(folder: Path | None) -> None:
    """A folder, and something to draw with."""
    if folder is None:
        return
    if not folder.is_dir():
        raise typer.BadParameter(f"no such folder: {folder}", param_hint="--pictures")
    if why := pictures.missing():
        raise typer.BadParameter(why, param_hint="--pictures")


def old_results(path: Path | None, hint: str) -> results.Results | None:
    """The results in a file."""
    if path is None:
        return None
    try:
        return results.read(path)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error), param_hint=hint) from error
