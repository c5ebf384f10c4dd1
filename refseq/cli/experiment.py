"""``refseq experiment``: the lectures' experiments as data, pictures and sentences that a test decides."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from refseq import experiments
from refseq.cli import tables
from refseq.cli.environment import environment
from refseq.cli.files import check_writable, write_json
from refseq.cli.interrupts import INTERRUPTED, Interrupts
from refseq.cli.progress import progress_bar
from refseq.cli.settings import changes
from refseq.experiments.experiment import Experiment, Plan
from refseq.experiments.report import Outcome, judged, run, write_summary

OUT = Path("experiments")
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where results are, and what was measured before.")]

app = typer.Typer(name="experiment", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _about() -> None:
    """Reproduce the lectures' experiments: data, pictures, and sentences that a test decides."""


@app.command("list")
def list_() -> int:
    """Every experiment, the lecture's item it belongs to, and how many measurements it makes."""
    table = Table(title="Experiments", title_justify="left")
    for name in ("name", "lecture", "what", "measurements", "with --quick"):
        table.add_column(name, justify="right" if name in ("measurements", "with --quick") else "left")
    for name in experiments.PLACES:
        one = experiments.experiment(name)
        sizes = [str(one.plan(quick=quick).size) for quick in (False, True)]
        tables.add(table, name, ", ".join(one.sources), one.title, *sizes)
    tables.console().print(table)
    return 0


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="NAME")], out: Out = OUT) -> int:
    """What an experiment does, its settings, and, if it has been run, what it says."""
    one, console = _experiments([name])[0], tables.console()
    console.print(Text(f"{one.name}: {one.title} ({', '.join(one.sources)})\n", style="bold"))
    console.print(Text(one.text + "\n"))
    table = Table(title="Settings", title_justify="left")
    for title in ("name", "value", "with --quick"):
        table.add_column(title)
    for key, value in {**one.settings, "seeds": one.seeds}.items():
        quick = one.quick_seeds if key == "seeds" else one.quick.get(key, "")
        tables.add(table, key, _words(value), _words(quick))
    console.print(table)
    file = out / f"{name}.nc"
    if not file.exists():
        console.print(f"not run yet: no {file}", style="dim", highlight=False)
        return 0
    _needs_packages()
    statements, *_ = judged(one.plan(), file)
    _print_statements(console, [(name, statement) for statement in statements])
    return 0


@app.command("run")
def run_(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="See refseq experiment list.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every experiment.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller networks, fewer seeds.")] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="n=512; for an axis of the grid also 1,2,3 or first:last:count."
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How many, counted from 0.")] = None,
    out: Out = OUT,
    jobs: Annotated[int | None, typer.Option(min=1, help="Local processes. Default: all cores.")] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask cluster that sees DIR: tcp://host:8786.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the statements as JSON.")
    ] = None,
) -> int:
    """Run experiments; what was measured before is not measured again."""
    if bool(names) == everything:
        raise typer.BadParameter("expected names, or --all, and not both", param_hint="NAME")
    chosen = _experiments(names or list(experiments.PLACES))
    _needs_packages()
    if json_file:
        check_writable(json_file)
    plans = [_plan(one, changes(settings or (), [one], chosen), seeds, quick) for one in chosen]
    _make(out)
    console = tables.console()
    outcomes, trouble = _outcomes(console, plans, out, jobs, dask)
    _print_statements(console, [(o.plan.experiment.name, statement) for o in outcomes for statement in o.statements])
    for outcome in outcomes:
        told = f"{outcome.plan.experiment.name}: {outcome.plan.size} measurements, {outcome.measured} of them now, "
        took = f"{outcome.seconds:.1f} s; all of them took {outcome.work:.1f} s of a processor"
        console.print(told + took, style="dim", highlight=False)
    if outcomes:
        console.print(f"written: {write_summary(outcomes, out)}", style="dim", highlight=False)
    if json_file:
        content = {"environment": environment(), "interrupted": trouble, "outcomes": [o.to_dict() for o in outcomes]}
        write_json(json_file, content)
    if trouble:
        console.print("interrupted: what was measured is kept, the same command goes on from it", style="yellow")
        return INTERRUPTED
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _outcomes(
    console: Console, plans: Sequence[Plan], out: Path, jobs: int | None, dask: str | None
) -> tuple[list[Outcome], bool]:
    """What was done before Ctrl-C, and whether it was pressed."""
    found: list[Outcome] = []
    with progress_bar(console) as bar, Interrupts() as seen:
        task = bar.add_task("", total=sum(plan.size for plan in plans))

        def advance(seconds: float) -> None:
            seen.check()
            bar.advance(task)

        try:
            with ExitStack() as opened:
                parallel = _workers(opened, jobs, dask)
                for plan in plans:
                    bar.update(task, description=plan.experiment.name)
                    found.append(run(plan, out, parallel, advance))
        except KeyboardInterrupt:
            return found, True
    return found, False


def _workers(opened: ExitStack, jobs: int | None, dask: str | None) -> Any:
    """Where tasks run, until ``opened`` closes."""
    from refseq.experiments.sweep import workers

    try:
        return opened.enter_context(workers(jobs, dask))
    except (OSError, ValueError) as error:  # nobody answers there, or it is no address
        if dask is None:
            raise
        raise typer.BadParameter(f"no cluster at {dask}: {error}", param_hint="--dask") from error


def _experiments(names: Sequence[str]) -> list[Experiment]:
    for name in names:
        if name not in experiments.PLACES:
            message = f"expected one of {', '.join(experiments.PLACES)}; got {name!r}"
            raise typer.BadParameter(message, param_hint="NAME")
    return [experiments.experiment(name) for name in dict.fromkeys(names)]


def _plan(one: Experiment, changed: dict[str, Any], seeds: int | None, quick: bool) -> Plan:
    try:
        return one.plan(changed, seeds, quick)
    except (ValueError, TypeError) as error:
        raise typer.BadParameter(f"{one.name}: {error}", param_hint="--set") from error


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"{out}: {error.strerror}", param_hint="--out") from error


def _needs_packages() -> None:
    if why := experiments.missing():
        raise typer.BadParameter(why, param_hint="experiment")


def _words(value: Any) -> str:
    return (
        ", ".join(map(_words, value))
        if isinstance(value, tuple)
        else f"{value:.4g}"
        if isinstance(value, float)
        else str(value)
    )


def _print_statements(console: Console, told: Sequence[tuple[str, Any]]) -> None:
    table = Table(title="Statements", title_justify="left")
    for name in ("experiment", "lecture", "statement", "measured", "theory", "test", "verdict"):
        table.add_column(name)
    for name, one in told:
        verdict = Text(one.verdict, style="green" if one.passed else "bold red")
        tables.add(table, name, one.source, one.what, one.figure, one.theory, one.test, verdict)
    if told:
        console.print(table)
