"""``refseq prove``: run the proofs and print what each says."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

import proofs
from proofs import NOT_AVAILABLE, PROVED, REFUTED, UNDECIDED, Result, Theorem
from refseq.cli import tables
from refseq.cli.environment import environment
from refseq.cli.files import check_writable, write_json
from refseq.cli.interrupts import INTERRUPTED
from refseq.cli.prove_foreign import foreign
from refseq.cli.running import STOPPED, run
from refseq.cli.work import Proof
from refseq.cli.workers import usual_jobs

WORTH_WORKERS = 40
"""Theorems below which starting another process takes longer than it saves."""

STYLES = {PROVED: "green", REFUTED: "bold red", UNDECIDED: "yellow", NOT_AVAILABLE: "yellow"}


def prove(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="A theorem, or how the names of several begin; or code of your own, module:object or file.py:object. "
            "Default: all theorems.",
        ),
    ] = None,
    cell: Annotated[
        list[str] | None, typer.Option(help="Prove your own code for this cell; repeatable. Default: the usual ones.")
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option(help=f"Only this method: {', '.join(proofs.PROVIDERS)}; repeatable.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes. Default: one for each processor; one for few theorems.")
    ] = None,
    only_list: Annotated[bool, typer.Option("--list", help="List the theorems and prove nothing.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything as JSON.")] = None,
) -> int:
    """Prove that gradients and bounds are right for all inputs: theorem, method, scope, seconds, verdict."""
    if json_file:
        check_writable(json_file)
    console = tables.console()
    selection = tuple(names or ()), tuple(cell or ()), tuple(method or ())
    to_prove = work(selection)
    chosen = [proof.theorem for proof in to_prove]
    if only_list:
        console.print(_listed(chosen))
        if json_file:
            write_json(json_file, {"theorems": [_plain(theorem) for theorem in chosen]})
        return 0
    start = time.perf_counter()
    own = any(":" in name for name in selection[0])
    many = sum(proof.missing is None for proof in to_prove) >= WORTH_WORKERS
    done, trouble = run(console, work, selection, to_prove, jobs or (usual_jobs() if many and not own else 1))
    results = [Result(chosen[number], *found) for number, found in done.items()]
    seconds = time.perf_counter() - start
    console.print(_table(results))
    for line in _details(results):
        console.print(line)
    console.print(_summary(results, seconds))
    if trouble:
        console.print(f"{trouble} after {len(results)} of {len(chosen)}", style="yellow")
    if json_file:
        content = {
            "environment": environment(),
            "interrupted": trouble == STOPPED,
            "seconds": seconds,
            "methods": {name: _method(name) for name in dict.fromkeys(theorem.method for theorem in chosen)},
            "theorems": [_plain(r.theorem) | _found(r) for r in results],
        }
        write_json(json_file, content)
    if trouble:
        return INTERRUPTED if trouble == STOPPED else 1
    left = [result for result in results if result.verdict != PROVED and not _excused(result)]
    return 0 if not left and any(result.verdict == PROVED for result in results) else 1


def _excused(result: Result) -> bool:
    """Whether only the large tool of an optional method is missing."""
    return result.verdict == NOT_AVAILABLE and proofs.method(result.theorem.method).optional


def work(selection: tuple[Sequence[str], Sequence[str], Sequence[str]]) -> list[Proof]:
    """The theorems of (names, cells, methods), to be proved."""
    chosen = select(*selection)
    missing = {name: proofs.method(name).missing() for name in dict.fromkeys(theorem.method for theorem in chosen)}
    return [Proof(theorem, missing[theorem.method]) for theorem in chosen]


def select(names: Sequence[str], cells: Sequence[str], methods: Sequence[str]) -> list[Theorem]:
    """The theorems so named, of these methods. Raises typer.BadParameter for a name that fits none."""
    if own := foreign(names, cells, methods):
        return own
    for name in methods:
        if name not in proofs.PROVIDERS:
            known = ", ".join(proofs.PROVIDERS)
            raise typer.BadParameter(f"expected one of {known}; got {name!r}", param_hint="--method")
    found = [theorem for theorem in proofs.theorems() if not methods or theorem.method in methods]
    for name in names:
        if not any(theorem.name.startswith(name) for theorem in found):
            begin = ", ".join(dict.fromkeys(theorem.name.partition("/")[0] + "/" for theorem in found))
            raise typer.BadParameter(f"no theorem is called so: {name!r}; names begin with {begin}", param_hint="NAME")
    return [theorem for theorem in found if not names or theorem.name.startswith(tuple(names))]


def _plain(theorem: Theorem) -> dict[str, Any]:
    return {key: getattr(theorem, key) for key in ("name", "method", "statement", "scope", "code", "sources")}


def _found(result: Result) -> dict[str, Any]:
    return {key: getattr(result, key) for key in ("verdict", "seconds", "detail", "planted")}


def _method(name: str) -> dict[str, Any]:
    found = proofs.method(name)
    return {"title": found.title, "trusted": found.trusted, "blind": found.blind, "missing": found.missing()}


def _listed(chosen: Sequence[Theorem]) -> Table:
    table = Table("theorem", "method", "statement", "scope", "code", "lectures", title="Theorems", title_justify="left")
    for theorem in chosen:
        sources = ", ".join(theorem.sources)
        tables.add(table, theorem.name, theorem.method, theorem.statement, theorem.scope, theorem.code, sources)
    return table


def _table(results: Sequence[Result]) -> Table:
    table = Table("theorem", "method", "scope", title="Proofs", title_justify="left")
    table.add_column("seconds", justify="right")
    for name in ("verdict", "what was shown"):
        table.add_column(name)
    before = None
    for result in results:
        if _excused(result):  # one line below the table says it of all
            continue
        if before not in (None, result.theorem.method):
            table.add_section()
        before = result.theorem.method
        verdict = Text(result.verdict, style=STYLES[result.verdict])
        shown = result.detail if result.verdict == PROVED else ""
        theorem = result.theorem
        tables.add(table, theorem.name, theorem.method, theorem.scope, f"{result.seconds:.2f}", verdict, shown)
    return table


def _details(results: Sequence[Result]) -> list[Text]:
    """What is not proved, theorem by theorem; the same reason once, with how many theorems it keeps from a proof."""
    lines, reasons = [], {}
    for result in results:
        if result.verdict == NOT_AVAILABLE:
            key = (result.theorem.method, result.detail)
            reasons[key] = reasons.get(key, 0) + 1
        elif result.verdict != PROVED:
            lines.append(Text(f"{result.theorem.name}: {result.verdict}", style=STYLES[result.verdict]))
            lines.append(Text(f"  {result.theorem.statement}"))
            lines.append(Text(f"  {result.detail}"))
    for (method, reason), count in reasons.items():
        text = f"{method}: {count} theorem{'s' * (count > 1)} not available: {reason}"
        lines.append(Text(text, style=STYLES[NOT_AVAILABLE]))
    return lines


def _summary(results: Sequence[Result], seconds: float) -> Text:
    """Counts by method, how many planted errors were refuted, and the time."""
    lines = []
    for method in dict.fromkeys(result.theorem.method for result in results):
        own = [result for result in results if result.theorem.method == method]
        verdicts = [result.verdict for result in own]
        counts = [f"{verdicts.count(word)} {word}" for word in STYLES if word in verdicts]
        planted = sum(bool(result.planted) for result in own)
        spent = sum(result.seconds for result in own)
        lines.append(f"{method}: {', '.join(counts)}; {planted} planted errors refuted; {spent:.1f} seconds")
    lines.append(f"{len(results)} theorems, {seconds:.1f} seconds")
    return Text("\n".join(lines))
