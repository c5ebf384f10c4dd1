"""``refseq verify``: judge implementations and print what was found."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from refseq.adapters import PEERS
from refseq.checks import Report
from refseq.checks.verdict import NOT_OFFERED, PASS
from refseq.cli import tables
from refseq.cli.environment import environment
from refseq.cli.files import check_writable, write_json
from refseq.cli.interrupts import Interrupts
from refseq.cli.rows import Row, Selection, rows

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            help="refseq, torch, onnxruntime, onnx, jax, or your own: module:object or file.py:object "
            "(an Implementation, or a function that makes one from a refseq layer). Default: all that is installed.",
        ),
    ] = None,
    cell: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this recurrence (lstm), with options (gru(reset=after)) or with all of them (lstm(*))."
        ),
    ] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="Only float32 or float64; repeatable.")] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="Only this target of refseq: reference, cpu, cuda; repeatable.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two problems instead of nine, and no properties.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything as JSON.")] = None,
) -> int:
    """Judge recurrent layers: values and every gradient against rigorous enclosures, and the conformance suite."""
    for word in dtype or ():
        if word not in ("float32", "float64"):
            raise typer.BadParameter(f"expected float32 or float64; got {word!r}", param_hint="--dtype")
    if json_file:
        check_writable(json_file)
    names = list(dict.fromkeys(names or ()))
    if target and names and "refseq" not in names:
        raise typer.BadParameter(f"only refseq has targets, and TARGET is {' '.join(names)}", param_hint="--target")
    selection = Selection(names, cell or (), dtype or (), target or (), quick)
    work = rows(selection)
    with_cases = not PEERS["onnx"].missing() and (not names or "onnx" in names) and not cell
    console, start = tables.console(), time.perf_counter()
    reports, cases, interrupted = _judge(console, work, with_cases)
    _print(console, reports, cases, names)
    total = len(work) + with_cases
    if interrupted:
        console.print(f"interrupted after {len(reports) + bool(cases)} of {total}", style="yellow")
    console.print(f"{time.perf_counter() - start:.0f} seconds", style="dim")
    if json_file:
        content = {
            "environment": environment(),
            "interrupted": interrupted,
            "reports": [report.to_dict() for report in reports],
            "onnx_cases": [asdict(case) for case in cases],
        }
        write_json(json_file, content)
    if interrupted:
        return INTERRUPTED
    verdicts = [report.verdict for report in reports] + [case.verdict for case in cases]
    return 0 if PASS in verdicts and all(word in (PASS, NOT_OFFERED) for word in verdicts) else 1


def _judge(console: Console, work: Sequence[Row], with_cases: bool) -> tuple[list[Report], list[Any], bool]:
    """All reports, or those that were done when Ctrl-C came."""
    reports, cases = [], []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with progress as bar, Interrupts() as seen:
        task = bar.add_task("", total=len(work) + with_cases)
        try:
            for row in work:
                bar.update(task, description=f"{row.name} {row.layer} {row.dtype}")
                reports.append(row.run(seen.check))
                bar.advance(task)
            if with_cases:
                from refseq.adapters.onnx_cases import run_cases

                bar.update(task, description="ONNX node cases")
                cases = run_cases()
                seen.check()
                bar.advance(task)
        except KeyboardInterrupt:
            return reports, cases, True
    return reports, cases, False


def _print(console: Console, reports: list[Report], cases: list[Any], names: Sequence[str]) -> None:
    judged = [report for report in reports if report.verdict != NOT_OFFERED]
    if judged:
        console.print(tables.results(judged))
    if "refseq" in names:
        own = [report for report in judged if report.implementation.startswith("refseq ")]
        for dtype in dict.fromkeys(report.dtype for report in own):
            console.print(tables.accuracy(own, dtype))
    if cases:
        console.print(tables.cases(cases))
    for line in tables.details(reports):
        console.print(line)
    console.print(tables.summary(reports, [case.verdict for case in cases]))
