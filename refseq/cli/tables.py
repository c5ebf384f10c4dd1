"""The tables of ``refseq verify``."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from refseq.checks import Report
from refseq.checks.verdict import FAIL, NOT_OFFERED, PASS, UNDECIDED, Worst

STYLES = {PASS: "green", FAIL: "bold red", UNDECIDED: "yellow", NOT_OFFERED: "dim"}
BUILD = "build"
"""The outcome of an implementation that could not be made: the cells that a framework does not have."""

ABSOLUTE = "declares its tanh and sigmoid accurate to rounding of their range, not of small values, and is judged so"

SHOWN = 6
"""Findings printed for one row, and checks for one reason; the rest are counted, and all are in the JSON."""


def console() -> Console:
    """A terminal's own width; 150 columns where output goes to a file or a pipe."""
    found = Console()
    return found if found.is_terminal else Console(width=150)


def add(table: Table, *cells: str | Text) -> None:
    """Add a row as it is: names such as dstate[h] are no markup."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def verdict(word: str) -> Text:
    """A verdict in its colour."""
    return Text(word, style=STYLES[word])


def number(value: float) -> str:
    """Three significant digits."""
    return f"{value:.3g}"


def results(reports: Iterable[Report]) -> Table:
    """One row for every implementation, layer and precision."""
    table = Table(title="Judged against rigorous values", title_justify="left")
    for name in ("implementation", "cell", "configuration", "verdict"):
        table.add_column(name)
    table.add_column("worst sigma", justify="right")
    table.add_column("worst tensor")
    table.add_column("seconds", justify="right")
    before = None
    for report in reports:
        if before not in (None, report.implementation):
            table.add_section()
        before = report.implementation
        worst = report.worst
        size, place = (number(worst.sigma), worst.place.tensor) if worst else ("", "")
        configuration = f"{report.sizes} {report.dtype}{' quick' if report.quick else ''}"
        judged = verdict(report.verdict).append(", forward only" if report.forward_only else "", style="dim")
        cells = (report.implementation, report.cell, configuration, judged)
        add(table, *cells, size, place, f"{report.seconds:.2f}")
    return table


def accuracy(reports: Sequence[Report], dtype: str) -> Table:
    """Worst error of every tensor in this precision, in sigma and ULP, by implementation and cell."""
    found: dict[tuple[str, str], dict[str, Worst]] = defaultdict(dict)
    for report in reports:
        mine = found[report.implementation, report.cell] if report.dtype == dtype else {}
        for name, worst in report.worst_by_tensor.items():
            tensor = _plain(name)
            if tensor not in mine or worst.sigma > mine[tensor].sigma:
                mine[tensor] = worst
    title = f"Worst error in {dtype}: sigma / ULP"
    table = Table("implementation", "cell", "worst error of each tensor", title=title, title_justify="left")
    for (implementation, cell), tensors in found.items():
        listed = [f"{tensor} {worst.sigma:.2f} / {number(worst.ulp)}" for tensor, worst in tensors.items()]
        add(table, implementation, cell, ", ".join(listed))
    return table


def _plain(tensor: str) -> str:
    """The name without layer and direction."""
    name = tensor.removesuffix("_reverse")
    stem, mark, number_ = name.rpartition("_l")
    return stem if mark and number_.isdigit() else name


def cases(found: Sequence) -> Table:
    """The ONNX node cases run on refseq."""
    table = Table(title="ONNX node cases, run on refseq", title_justify="left")
    for name in ("case", "operator", "verdict"):
        table.add_column(name)
    table.add_column("error / tolerance", justify="right")
    table.add_column("reason")
    for case in found:
        ratio = "" if case.ratio is None else number(case.ratio)
        add(table, case.case, case.op, verdict(case.verdict), ratio, case.reason)
    return table


def details(reports: Iterable[Report]) -> list[Text]:
    """Findings row by row, and why checks were undecided or not offered, each reason once."""
    lines: list[Text] = []
    reasons: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for report in reports:
        title = f"{report.implementation} {report.layer} {report.dtype}"
        if report.findings:
            lines.append(
                Text(f"{title}: {len(report.findings)} finding{'s' * (len(report.findings) > 1)}", style="bold red")
            )
            lines += [Text(f"  {finding}") for finding in report.findings[:SHOWN]]
            if len(report.findings) > SHOWN:
                lines.append(Text(f"  ... and {len(report.findings) - SHOWN} more (--json FILE has all)", style="dim"))
        if report.activations == "absolute":
            reasons[report.implementation, ABSOLUTE][""] = None
        for outcome in report.outcomes:
            if outcome.check == BUILD and outcome.verdict == NOT_OFFERED:
                reasons[report.implementation, NOT_OFFERED][report.cell] = None
            elif outcome.reason:
                reasons[report.implementation, f"{outcome.verdict}: {outcome.reason}"][outcome.check] = None
    for (implementation, reason), checks in reasons.items():
        first, rest = list(checks)[:SHOWN], len(checks) - SHOWN
        listed = ", ".join(first) + (f" and {rest} more" if rest > 0 else "")
        lines.append(Text(f"{implementation}: {f'{listed}: ' if listed else ''}{reason}", style="dim"))
    return lines


def summary(reports: Sequence[Report], extra: Sequence[str] = ()) -> Text:
    """Counts of verdicts and what the negative controls showed."""
    verdicts = [report.verdict for report in reports] + list(extra)
    counts = [f"{verdicts.count(word)} {word}" for word in (PASS, FAIL, UNDECIDED, NOT_OFFERED) if word in verdicts]
    text = ", ".join(counts) or "nothing judged"
    for dtype in ("float64", "float32"):
        seen = [r.sensitivity for r in reports if r.dtype == dtype and r.verdict == PASS and r.sensitivity]
        if seen:
            weakest = max(seen, key=lambda sensitivity: sensitivity.size)
            text += (
                f"\n{dtype}: in every passing row a planted relative error of {weakest.size:.1e} in any block is seen"
            )
            text += f" (weakest: {weakest.place})"
    return Text(text)
