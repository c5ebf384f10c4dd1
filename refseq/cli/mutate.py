"""``refseq mutate``: the mutation gate, its table and its survivors."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from refseq.cli import tables
from refseq.cli.environment import environment
from refseq.cli.files import check_writable, write_json
from refseq.cli.interrupts import INTERRUPTED, Interrupts
from refseq.cli.progress import progress_bar
from refseq.mutation import OPERATORS, Report, Request, load, run
from refseq.mutation.modules import GROUPS, MODULES

ORACLES = (
    *("values", "finite field", "gradients", "identities", "description", "padding", "pieces", "lanes"),
    *("raised", "time"),
)
"""What kills, in the order of the table."""


def mutate(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODULE]...", help=f"linear, cells.gru, ..., or {', '.join(GROUPS)}. Default: all."),
    ] = None,
    operator: Annotated[
        list[str] | None, typer.Option(help=f"Only this one: {', '.join(OPERATORS)}; repeatable.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many mutants, drawn at random.")] = None,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes at a time.")] = min(2, os.cpu_count() or 1),
    thorough: Annotated[bool, typer.Option("--thorough", help="Put reviewed equivalents to every case, too.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything as JSON.")] = None,
) -> int:
    """Plant small errors in refseq's own source, one at a time: every one must be noticed."""
    if json_file:
        check_writable(json_file)
    chosen = tuple(dict.fromkeys(module for name in names or GROUPS for module in _modules(name)))
    for word in operator or ():
        if word not in OPERATORS:
            raise typer.BadParameter(f"expected one of {', '.join(OPERATORS)}; got {word!r}", param_hint="--operator")
    report = Report(Request(chosen, tuple(operator or OPERATORS), (), limit, seed, workers, thorough), load())
    console, start = tables.console(), time.perf_counter()
    interrupted = _run(console, report)
    _print(console, report)
    if interrupted:
        console.print(f"interrupted after {len(report.verdicts)} of {report.judged} mutants", style="yellow")
    console.print(f"{time.perf_counter() - start:.0f} seconds", style="dim")
    if json_file:
        write_json(json_file, {"environment": environment(), "interrupted": interrupted, **report.to_dict()})
    if interrupted:
        return INTERRUPTED
    return 0 if report.passed else 1


def _modules(name: str) -> tuple[str, ...]:
    if name in GROUPS:
        return GROUPS[name]
    module = name if name.startswith("refseq.") else f"refseq.{name}"
    if module not in MODULES:
        known = ", ".join([*GROUPS, *(known.removeprefix("refseq.") for known in MODULES)])
        raise typer.BadParameter(f"expected one of {known}; got {name!r}", param_hint="MODULE")
    return (module,)


def _run(console: Console, report: Report) -> bool:
    """Fill the report; whether Ctrl-C ended that."""
    with progress_bar(console) as bar, Interrupts() as seen:
        task = bar.add_task("recording what the source computes", total=None)

        def show(now: Report) -> None:
            seen.check()
            words = f"{len(now.survivors)} survived"
            bar.update(task, total=now.judged, completed=len(now.verdicts), description=words)

        try:
            run(report, show)
        except KeyboardInterrupt:
            return True
    return False


def _print(console: Console, report: Report) -> None:
    rows = report.rows()
    if rows:
        console.print(_table(report))
    for verdict in report.survivors:
        console.print(Text(f"survived: {verdict.mutant} ({verdict.words})", style="bold red"))
    for complaint in report.complaints:
        console.print(Text(f"equivalents.toml: {complaint}", style="bold red"))
    counts = [sum(row[name] for row in rows.values()) for name in ("mutants", "killed", "equivalent", "survived")]
    console.print("{} mutants: {} killed, {} equivalent, {} survived".format(*counts))


def _table(report: Report) -> Table:
    """One row for each module, and what killed its mutants."""
    table = Table(title="Mutants, and what noticed them first", title_justify="left")
    table.add_column("module", no_wrap=True)
    for name in ("mutants", "killed", "equivalent", "survived", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("noticed by")
    for module, row in report.rows().items():
        survived = Text(str(row["survived"]), style="bold red" if row["survived"] else "green")
        numbers = [str(row[name]) for name in ("mutants", "killed", "equivalent")]
        kills = ", ".join(f"{name} {row['oracles'][name]}" for name in ORACLES if row["oracles"][name])
        tables.add(table, module.removeprefix("refseq."), *numbers, survived, f"{row['seconds']:.1f}", kills)
    return table
