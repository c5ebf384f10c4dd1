"""``refseq warm``: compile ahead, so that the first run on the target "cpu" in a new process is quick."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

import refseq
from refseq.cell import Cell
from refseq.checks.structures.kinds import KINDS, networks, problems
from refseq.cli import tables
from refseq.cli.choice import chosen
from refseq.cli.interrupts import INTERRUPTED
from refseq.cli.rows import INPUTS, UNITS
from refseq.cli.running import STOPPED, run
from refseq.cli.work import Progress, Work
from refseq.cli.workers import usual_jobs
from refseq.engine.warm import drivers
from refseq.engine.warm import warm as compile_ahead

DTYPES = ("float32", "float64")
KIND_NAMES = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in KINDS}
"""Kinds of networks and systems, called as the functions that make them: tree_layer, ctc."""


@dataclass(frozen=True)
class Selection:
    """What the command line asked for; empty means everything."""

    names: Sequence[str]
    dtypes: Sequence[str]


@dataclass(frozen=True, eq=False)
class Compiling(Work):
    """A cell, or an example of a kind of network, in one precision."""

    what: Any
    dtype: str

    @property
    def title(self) -> str:
        """What to call it while it runs."""
        return f"{self.what.label} {self.dtype}"

    @property
    def group(self) -> str:
        """Alone."""
        return self.title

    def run(self, progress: Progress = None) -> None:
        """Compile it; a network by running all problems that it is judged on, forward and backward. These are small:
        layers that share work between threads ask for more."""
        if isinstance(self.what, Cell):
            compile_ahead(self.what, self.dtype)
            return
        drivers(self.dtype)
        for point in problems(self.what, self.dtype):
            point.function.everything(point.values, point.constants, point.cotangents, "cpu")


def warm(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="A recurrence (lstm), a variant (gru(reset=after)) or lstm(*); a kind of network or system "
            f"({', '.join(KIND_NAMES)}); or one of these as `refseq verify` prints it (tree_lstm(arity=2)).",
        ),
    ] = None,
    dtype: Annotated[
        list[str] | None, typer.Option("--dtype", metavar="DTYPE", help="float32 or float64; repeatable; default both.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes. Default: one for each processor.")] = None,
) -> int:
    """Compile for the target cpu and keep the code on disk; default: every recurrence's usual form, and every network
    and system in the forms that `refseq verify` judges. Others are compiled when they first run."""
    for each in dtype or ():
        if each not in DTYPES:
            raise typer.BadParameter(f"expected float32 or float64; got {each!r}", param_hint="--dtype")
    selection = Selection(names or (), dtype or DTYPES)
    work, console, start = compilations(selection), tables.console(), time.perf_counter()
    done, trouble = run(console, compilations, selection, work, jobs or usual_jobs())
    seconds = time.perf_counter() - start
    if trouble:
        console.print(f"{trouble} after {len(done)} of {len(work)}", style="yellow")
        return INTERRUPTED if trouble == STOPPED else 1
    console.print(f"{len(work)} compiled or found on disk in {seconds:.1f} s")
    return 0


def compilations(selection: Selection) -> list[Work]:
    """All that a selection names. Raises typer.BadParameter for what does not exist."""
    asked = selection.names or [*refseq.catalogue(), *KIND_NAMES]
    examples = networks(INPUTS, UNITS)
    found: list[Any] = []
    for name in asked:
        of_name = [network for network in examples if name in (network.label, _kind_name(network))]
        if not of_name and name.partition("(")[0] not in refseq.catalogue():
            known = ", ".join([*refseq.catalogue(), *KIND_NAMES])
            raise typer.BadParameter(
                f"expected one of {known}, with options like gru(reset=after), or lstm(*); got {name!r}",
                param_hint="NAME",
            )
        found += of_name or [refseq.catalogue()[each].cell(**options) for each, options in chosen([name], "NAME")]
    return [Compiling(what, each) for what in found for each in selection.dtypes]


def _kind_name(network: Any) -> str:
    return next(name for name, kind in KIND_NAMES.items() if type(network) is kind)
