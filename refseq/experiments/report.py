"""Run an experiment and write what came out: NAME.nc, NAME.png, NAME.svg, and a summary in Markdown of all."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refseq.experiments import pictures, results
from refseq.experiments.experiment import Plan
from refseq.experiments.statistics import LEVEL, Statement
from refseq.experiments.sweep import sweep, tasks
from refseq.experiments.tasks import WORK

SUMMARY = "summary.md"


@dataclass(frozen=True)
class Outcome:
    """What one experiment gave. ``measured``: how many tasks were computed in this run; the others were stored.
    ``seconds``: of this run; ``work``: of processors, for all tasks together, whenever they were computed."""

    plan: Plan
    statements: tuple[Statement, ...]
    files: tuple[Path, ...]
    measured: int
    seconds: float
    work: float

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
            WORK: self.work,
            "files": [str(file) for file in self.files],
            "statements": [one.to_dict() for one in self.statements],
        }


def run(plan: Plan, folder: Path, parallel: Any, progress: Callable[[float], None] = lambda seconds: None) -> Outcome:
    """Measure, join, draw, judge. ``progress`` is called for every task with the seconds it took."""
    start, measured = time.perf_counter(), 0
    for seconds in sweep(tasks(plan, folder), parallel):
        measured += seconds > 0
        progress(seconds)
    file = results.join(plan, folder)
    statements, drawn, work = judged(plan, file)
    return Outcome(plan, tuple(statements), (file, *drawn), measured, time.perf_counter() - start, work)


def judged(plan: Plan, file: Path) -> tuple[list[Statement], list[Path], float]:
    """The statements and the pictures of joined results, and what these took of processors, in seconds."""
    with results.load(file) as found:
        statements = plan.experiment.statements(found)
        drawn = pictures.write(plan.experiment.picture(found), file.with_suffix(""))
        return statements, drawn, float(found.attrs[WORK])


def write_summary(outcomes: Sequence[Outcome], folder: Path) -> Path:
    """A page with the table of statements and every picture."""
    told = [(outcome.plan.experiment.name, one) for outcome in outcomes for one in outcome.statements]
    lines = ["# Experiments", "", *statement_table(told)]
    for outcome in outcomes:
        experiment, settings = outcome.plan.experiment, outcome.plan.settings
        listed = ", ".join(f"{name} = {_words(value)}" for name, value in settings.items())
        lines += ["", f"## {experiment.title}", "", experiment.text, "", f"![{experiment.name}]({experiment.name}.png)"]
        lines += ["", f"{listed}; {outcome.plan.seeds} seeds. Data: [{experiment.name}.nc]({experiment.name}.nc)."]
        lines += ["", f"{outcome.plan.size} measurements took {outcome.work:.0f} s of a processor."]
    file = folder / SUMMARY
    beside = folder / f".{SUMMARY}.part"
    beside.write_text("\n".join(lines) + "\n")
    beside.replace(file)
    return file


def statement_table(told: Sequence[tuple[str, Statement]]) -> list[str]:
    """Lines in Markdown, of names of experiments and what they say: how many were reproduced, and the table."""
    reproduced = sum(one.passed for _, one in told)
    lines = [f"{len(told)} statements, {reproduced} reproduced. Each test has the level {LEVEL}.", ""]
    lines += [
        "| experiment | lecture | statement | measured | theory | test | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in told:
        cells = (name, one.source, one.what, one.figure, one.theory, one.test, one.verdict)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def _words(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    shown = [f"{one:.4g}" if isinstance(one, float) else str(one) for one in value]
    return ", ".join(shown) if len(shown) <= 10 else f"{shown[0]} ... {shown[-1]} ({len(shown)} values)"
