"""``refseq verify``: judge implementations and print what was found."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from refseq.checks import Report
from refseq.checks.verdict import NOT_OFFERED, PASS
from refseq.cli import tables
from refseq.cli.environment import environment
from refseq.cli.files import check_writable, write_json
from refseq.cli.interrupts import INTERRUPTED
from refseq.cli.rows import Selection, has_own_code, rows
from refseq.cli.running import STOPPED, run
from refseq.cli.workers import usual_jobs
from refseq.targets import TARGETS, run_info


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
            help="Only this recurrence (lstm), with options (gru(reset=after)) or with all of them (lstm(*)); or the "
            "loss ctc, which is judged only when it is asked for."
        ),
    ] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="Only float32 or float64; repeatable.")] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="Only this target of refseq: reference, cpu, cuda; repeatable.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two problems instead of nine, and no properties.")] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes. Default: one for each processor; one for your own code.")
    ] = None,
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
    work, console, start = rows(selection), tables.console(), time.perf_counter()
    jobs = jobs or (1 if has_own_code(names) else usual_jobs())  # code of one's own may not expect several processes
    done, trouble = run(console, rows, selection, work, jobs)
    results = list(done.values())
    reports, cases = [found for found in results if isinstance(found, Report)], []
    for found in results:
        cases += found if isinstance(found, list) else []
    _print(console, reports, cases, names)
    interrupted = trouble == STOPPED
    if trouble:
        console.print(f"{trouble} after {len(results)} of {len(work)}", style="yellow")
    console.print(f"{time.perf_counter() - start:.0f} seconds", style="dim")
    if json_file:
        content = {
            "environment": environment(),
            "interrupted": interrupted,
            "reports": [report.to_dict() for report in reports],
            "onnx_cases": [asdict(case) for case in cases],
        }
        write_json(json_file, content)
    if trouble:
        return INTERRUPTED if interrupted else 1
    verdicts = [report.verdict for report in reports] + [case.verdict for case in cases]
    return 0 if PASS in verdicts and all(word in (PASS, NOT_OFFERED) for word in verdicts) else 1


def _print(console: Console, reports: list[Report], cases: list[Any], names: Sequence[str]) -> None:
    judged = [report for report in reports if report.verdict != NOT_OFFERED]
    own = [report for report in judged if report.implementation.startswith("refseq ")]
    if judged:
        console.print(tables.results(judged))
    for where in TARGETS:
        if any(report.implementation == f"refseq {where}" for report in own):
            console.print(f"refseq {where} ran on {run_info(where)['device']}", style="dim", highlight=False)
    if "refseq" in names:
        for dtype in dict.fromkeys(report.dtype for report in own):
            console.print(tables.accuracy(own, dtype))
    if cases:
        console.print(tables.cases(cases))
    for line in tables.details(reports):
        console.print(line)
    console.print(tables.summary(reports, [case.verdict for case in cases]))
