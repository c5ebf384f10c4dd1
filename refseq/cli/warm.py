"""``refseq warm``: compile ahead, so that the first run of a layer on the target "cpu" in a new process is quick."""

import time
from typing import Annotated

import typer

import refseq
from refseq.cli import tables
from refseq.cli.choice import chosen
from refseq.engine.warm import warm as compile_ahead

DTYPES = ("float32", "float64")


def warm(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="A recurrence (lstm), a variant (gru(reset=after)) or lstm(*)."),
    ] = None,
    dtype: Annotated[
        list[str] | None, typer.Option("--dtype", metavar="DTYPE", help="float32 or float64; repeatable; default both.")
    ] = None,
) -> int:
    """Compile recurrences for the target cpu and keep the code on disk; default: every recurrence's usual form."""
    for each in dtype or ():
        if each not in DTYPES:
            raise typer.BadParameter(f"expected float32 or float64; got {each!r}", param_hint="--dtype")
    variants = chosen(names or list(refseq.catalogue()), "NAME")
    work = [(name, options, each) for name, options in variants for each in dtype or DTYPES]
    console, start = tables.console(), time.perf_counter()
    with tables.progress_bar(console) as bar:
        task = bar.add_task("compiling", total=len(work))
        for name, options, each in work:
            cell = refseq.catalogue()[name].cell(**options)
            bar.update(task, description=f"{cell.label} {each}")
            compile_ahead(cell, each)
            bar.advance(task)
    seconds = time.perf_counter() - start
    console.print(f"{len(work)} compiled or found on disk in {seconds:.1f} s")
    return 0
