"""``refseq bench``: time refseq beside other libraries, each checked before it is timed."""

import datetime
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from refseq.bench.compare import compare as side_by_side
from refseq.bench.measure import FAILED, REFUSED
from refseq.bench.parent import ChildDied, events
from refseq.bench.plans import Plan
from refseq.bench.results import Results
from refseq.cli import bench_tables, tables
from refseq.cli.bench_choice import Choice, check_pictures, chosen_libraries, chosen_threads, old_results, plans, timing
from refseq.cli.environment import environment
from refseq.cli.files import check_writable, write_json
from refseq.cli.interrupts import INTERRUPTED, Interrupts
from refseq.cli.progress import CALM, progress_bar

File = Path | None


def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            help="Libraries beside refseq: torch, torch-loop, torch-levels, torch-fused, onnxruntime, jax, jax-scan, "
            "or your own: module:object or file.py:object, as refseq verify takes it. Default: all that is installed.",
        ),
    ] = None,
    cell: Annotated[
        list[str] | None, typer.Option(help="Only this recurrence (lstm), or one with options (gru(reset=after)).")
    ] = None,
    operation: Annotated[
        list[str] | None,
        typer.Option(
            help="cross_entropy, clip, adam, ctc, recursive, tree_lstm, child_sum_tree_lstm, graph, or all, instead of "
            "layers; repeatable."
        ),
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TxBxIxH", help="Such as 64x8x32x32, or small, standard, odd, all; repeatable. Default: small."
        ),
    ] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="float32 or float64; repeatable. Default: float32.")] = None,
    curve: Annotated[
        list[str] | None, typer.Option(help="Scaling along T, B, H or threads, instead of shapes; repeatable.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of every library. Default: all cores.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds.")] = 7,
    pause: Annotated[
        float, typer.Option(min=0, help="Seconds before a library's turn, for threads to go to sleep.")
    ] = 0.1,
    hostile: Annotated[
        bool,
        typer.Option("--no-pause", help="No pause, and torch at work before every timed call, in the same process."),
    ] = False,
    memory: Annotated[
        bool, typer.Option("--memory", help="Also peak memory, each in a process of its own (seconds for each).")
    ] = False,
    json_file: Annotated[File, typer.Option("--json", metavar="FILE", help="Write everything as JSON.")] = None,
    compare: Annotated[
        File, typer.Option("--compare", metavar="OLD.json", help="Say what has changed; status 1 if refseq is slower.")
    ] = None,
    against: Annotated[
        File, typer.Option("--with", metavar="NEW.json", help="With --compare: measure nothing, read the new times.")
    ] = None,
    pictures: Annotated[
        File, typer.Option("--pictures", metavar="DIR", help="Draw rooflines and scaling curves (SVG, PNG) there.")
    ] = None,
) -> int:
    """Time layers and operations: medians of interleaved rounds, the same threads for all, results checked first."""
    if json_file:
        check_writable(json_file)
    if against and not compare:
        raise typer.BadParameter("it goes with --compare OLD.json", param_hint="--with")
    check_pictures(pictures)
    old, console = old_results(compare, "--compare"), tables.console()
    found, trouble = old_results(against, "--with"), ""
    if found is None:
        choice = Choice(
            chosen_libraries(names or ()),
            bool(names),
            tuple(cell or ()),
            tuple(operation or ()),
            tuple(shape or ()),
            tuple(dtype or ()),
            tuple(curve or ()),
            chosen_threads(threads),
            timing(rounds, pause, hostile),
            memory,
        )
        found, trouble = _measured(console, choice, plans(choice, old), hostile)
    bench_tables.show(console, found)
    if trouble:
        console.print(trouble, style="yellow")
    if json_file:
        write_json(json_file, found.to_dict())
    if pictures and found.timed():
        from refseq.bench.pictures import draw

        for file in draw(found, pictures):
            console.print(f"written: {file}", style="dim", highlight=False)
    worse = False
    if old is not None:
        comparison = side_by_side(old, found)
        bench_tables.changes(console, comparison)
        worse = comparison.worse
    if found.interrupted and against is None:
        return INTERRUPTED
    wrong = any(one["status"] in (REFUSED, FAILED) for one in found.measurements)
    return 1 if trouble or wrong or worse or not found.timed() else 0


def _measured(console: Console, choice: Choice, work: Sequence[Plan], hostile: bool) -> tuple[Results, str]:
    """The results of all plans, or of those before Ctrl-C or the death of a measuring process; and what happened."""
    about = {key: value for key, value in environment().items() if key not in ("targets", "peers", "threads")}
    about["system"] = platform.system()  # recorded results are for others: no build of a kernel
    about["load"] = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    results = Results(about, today, choice.threads, asdict(choice.timing))
    trouble = ""
    with progress_bar(console, CALM) as bar, Interrupts() as seen:
        task = bar.add_task("", total=sum(len(plan.cases) * len(plan.libraries) for plan in work))
        try:
            for plan in work:
                stream = events(plan)
                try:
                    for event in stream:
                        seen.check()
                        results.add(event, plan.threads)
                        if event["event"] == "title":
                            bar.update(task, description=event["title"], refresh=True)
                        bar.advance(task, event["event"] in ("measurement", "memory"))
                finally:
                    stream.close()
        except KeyboardInterrupt:
            results.interrupted, trouble = True, "interrupted: what was measured before is complete"
        except ChildDied as news:
            trouble = str(news)
    return results, trouble
