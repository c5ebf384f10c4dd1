"""Run an experiment and write what came out: NAME.nc, NAME.png, NAME.svg, and a summary in Markdown of all."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from refseq.experiments import pictures, results
from refseq.experiments.experiment import Plan
from refseq.experiments.statistics import LEVEL, Statement
from refseq.experiments.sweep import sweep, tasks

SUMMARY = "summary.md"


@dataclass(frozen=True)
class Outcome:
    """What one experiment gave. ``measured``: how many tasks were computed in this run; the others were stored."""

    plan: Plan
    statements: tuple[Statement, ...]
    files: tuple[Path, ...]
    measured: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every statement was reproduced, or is known not to be."""
        return not any(statement.surprising for statement in self.statements)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "experiment": self.plan.experiment.name,
            "settings": self.plan.settings,
            "seeds": self.plan.seeds,
            "tasks": self.plan.size,
            "measured": self.measured,
            "seconds": self.seconds,
            "files": [str(file) for file in self.files],
            "statements": [{**asdict(one), "verdict": one.verdict} for one in self.statements],
        }


def run(plan: Plan, folder: Path, parallel: Any, progress: Callable[[float], None] = lambda seconds: None) -> Outcome:
    """Measure, join, draw, judge. ``progress`` is called for every task with the seconds it took."""
    start, measured = time.perf_counter(), 0
    for seconds in sweep(tasks(plan, folder), parallel):
        measured += seconds > 0
        progress(seconds)
    file = results.join(plan, folder)
    statements, drawn = judged(plan, file)
    return Outcome(plan, tuple(statements), (file, *drawn), measured, time.perf_counter() - start)


def judged(plan: Plan, file: Path) -> tuple[list[Statement], list[Path]]:
    """The statements and the pictures of joined results."""
    with results.load(file) as found:
        statements = plan.experiment.statements(found)
        drawn = pictures.write(plan.experiment.picture(found), file.with_suffix(""))
    return statements, drawn


def write_summary(outcomes: Sequence[Outcome], folder: Path) -> Path:
    """A page with the table of statements and every picture."""
    told = [one for outcome in outcomes for one in outcome.statements]
    lines = ["# Experiments", ""]
    lines.append(
        f"{len(told)} statements, {sum(one.passed for one in told)} reproduced. Each test has the level {LEVEL}."
    )
    lines += [
        "",
        "| experiment | lecture | statement | measured | theory | test | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        for one in outcome.statements:
            cells = (outcome.plan.experiment.name, one.source, one.what, one.figure, one.theory, one.test, one.verdict)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    for outcome in outcomes:
        experiment, settings = outcome.plan.experiment, outcome.plan.settings
        listed = ", ".join(f"{name} = {_words(value)}" for name, value in settings.items())
        lines += ["", f"## {experiment.title}", "", experiment.text, "", f"![{experiment.name}]({experiment.name}.png)"]
        lines += ["", f"{listed}; {outcome.plan.seeds} seeds. Data: [{experiment.name}.nc]({experiment.name}.nc)."]
    file = folder / SUMMARY
    beside = folder / f".{SUMMARY}.part"
    beside.write_text("\n".join(lines) + "\n")
    beside.replace(file)
    return file


def _words(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    shown = [f"{one:.4g}" if isinstance(one, float) else str(one) for one in value]
    return ", ".join(shown) if len(shown) <= 10 else f"{shown[0]} ... {shown[-1]} ({len(shown)} values)"
