"""The tables of ``refseq bench``."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from refseq.bench.compare import Comparison
from refseq.bench.curves import Line, lines
from refseq.bench.measure import FAILED, NOT_OFFERED, REFUSED, TIMED, Event
from refseq.bench.results import Results
from refseq.bench.spread import ratio
from refseq.cli.tables import add

OWN = "refseq"
WORDS = {"forward": "forward", "both": "forward + backward", "call": "call"}
BUSY = 0.5
"""Processes that run on average, above which times are disturbed."""

SHOWN = 30
"""Changes that are printed of each kind."""


def duration(seconds: float) -> str:
    """Three digits with a unit."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1 or unit == "us":
            return f"{seconds * factor:.3g} {unit}" if seconds * factor < 1000 else f"{seconds * factor:.0f} {unit}"
    raise AssertionError


def size(count: float) -> str:
    """Bytes in MiB."""
    return f"{count / 2**20:.1f} MiB" if count < 100 * 2**20 else f"{count / 2**20:.0f} MiB"


def show(console: Console, results: Results) -> None:
    """Everything that was measured."""
    grid = [one for one in results.measurements if not one["curve"] and one["status"] != NOT_OFFERED]
    groups: dict[tuple, list[Event]] = defaultdict(list)
    for one in grid:
        groups[tuple(one["flops"]), one["case"]["kind"], one["case"]["dtype"], one["hostile"]].append(one)
    for (passes, _, dtype, hostile), measured in groups.items():
        console.print(_times(results, passes, dtype, hostile, measured))
    for passed in WORDS:
        found = lines(results, passed)
        for curve in dict.fromkeys(line.curve for line in found):
            console.print(_curve(curve, passed, [line for line in found if line.curve == curve]))
    for line in _reasons(results):
        console.print(line)
    for name, about in results.libraries.items():
        console.print(Text(f"{name} {about['version']}: {about['threads']}", style="dim"))
    console.print(_summary(results))
    load = results.environment.get("load")
    if load is not None and load > BUSY:
        message = (
            f"The machine was busy when this began (load {load:.1f}): libraries that wait at barriers suffer most,"
        )
        console.print(Text(f"{message} times and ratios are not to be trusted.", style="yellow"))


def _times(results: Results, passes: Iterable[str], dtype: str, hostile: bool, measured: list[Event]) -> Table:
    """One row for every case and library, refseq's first."""
    products = any(one["flops"][passed] for one in measured for passed in passes)
    rate = results.ceilings.get(str(results.threads), {}).get("memory", {}).get("bytes_per_second", 0) / 1e9
    title = f"{dtype}, {_threads(results.threads)}"
    title += f", matrix product {results.peak(results.threads, dtype):.0f} GFLOP/s, memory {rate:.1f} GB/s"
    title += ", torch at work between the calls" if hostile else ""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1))
    of_layers = measured[0]["case"]["kind"] == "layer"
    for name in ("cell" if of_layers else "operation", "TxBxIxH" if of_layers else "size", "library"):
        table.add_column(name)
    for passed in passes:
        table.add_column(WORDS[passed], justify="right")
        table.add_column("/ refseq", justify="right")
        table.add_column("GFLOP/s" if products else "GB/s", justify="right")
    remembered = any(results.needed(one["library"], one["key"]) is not None for one in measured)
    if remembered:
        table.add_column("peak memory", justify="right")
    own = {one["key"]: one for one in measured if one["library"] == OWN and one["status"] == TIMED}
    before = None
    for one in sorted(measured, key=lambda one: _order(measured, one)):
        first = one["key"] != before
        if first and before is not None:
            table.add_section()
        before = one["key"]
        cells: list[str | Text] = [one["label"], one["size"]] if first else ["", ""]
        cells.append(Text(one["library"], style="bold" if one["library"] == OWN else ""))
        for passed in passes:
            cells += _cells(results, one, own.get(one["key"]), passed)
        if remembered:
            needed = results.needed(one["library"], one["key"])
            cells.append("" if needed is None else size(needed))
        add(table, *cells)
    return table


def _order(measured: list[Event], one: Event) -> tuple[int, bool]:
    keys = list(dict.fromkeys(other["key"] for other in measured))
    return keys.index(one["key"]), one["library"] != OWN


def _cells(results: Results, one: Event, own: Event | None, passed: str) -> list[str | Text]:
    """Time with its spread, their time / our time, and the rate with its share of the matrix product's."""
    if one["status"] != TIMED:
        return [Text(one["status"], style="bold red"), "", ""]
    times = one["passes"].get(passed)
    if times is None:
        return [Text("-", style="dim"), "", ""]
    spread = 50 * (times["q3"] - times["q1"]) / times["median"]
    shown: list[str | Text] = [f"{duration(times['median'])} ±{spread:2.0f}%"]
    if own is None or one["library"] == OWN:
        shown.append("")
    else:
        factor = ratio(times, own["passes"][passed])
        style = "green" if factor["q1"] > 1 else "red" if factor["q3"] < 1 else ""
        shown.append(Text(f"{factor['median']:.2f}", style=style))
    flops = one["flops"][passed]
    if flops is None:
        return [*shown, f"{one['bytes'][passed] / times['median'] / 1e9:.1f}"]
    gflops = flops / times["median"] / 1e9
    return [*shown, f"{gflops:.3g} {100 * gflops / results.peak(one['threads'], one['case']['dtype']):3.0f}%"]


def _curve(curve: str, passed: str, found: list[Line]) -> Table:
    sizes = sorted({point for line in found for point in line.sizes})
    title = f"{WORDS[passed]} along {curve}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("cell")
    table.add_column("library")
    for point in sizes:
        table.add_column(f"{curve} = {point}", justify="right")
    table.add_column("exponent", justify="right")
    for line in found:
        times = dict(zip(line.sizes, line.times, strict=True))
        shown = [duration(times[point]["median"]) if point in times else "" for point in sizes]
        add(table, line.case, line.library, *shown, f"{line.exponent:.2f}")
    return table


def _reasons(results: Results) -> list[Text]:
    """Why something was not timed, each reason once."""
    found: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    for one in results.measurements:
        if one["status"] != TIMED:
            dtype = one["case"]["dtype"]
            where = f"{one['label']} {dtype}" if one["status"] == NOT_OFFERED else one["key"]
            found[one["library"], one["status"], one["reason"]][where] = None
    told = []
    for (library, status, reason), where in found.items():
        style = "dim" if status == NOT_OFFERED else "bold red"
        told.append(Text(f"{library}: {', '.join(where)}: {status}: {reason}", style=style))
    return told


def _summary(results: Results) -> Text:
    count = {word: sum(one["status"] == word for one in results.measurements) for word in (TIMED, REFUSED, FAILED)}
    text = ", ".join(f"{number} {word}" for word, number in count.items() if number or word == TIMED)
    rounds = f"Medians of {results.timing['rounds']} rounds, ± half the interquartile range"
    return Text(f"{text}. {rounds}; / refseq: their time / refseq's, above 1 where refseq is faster.")


def changes(console: Console, comparison: Comparison) -> None:
    """What is slower or faster than before."""
    for line in comparison.differences:
        console.print(Text(f"not the same as before: {line}", style="yellow"))
    table = Table("", "library", "case", "pass", title="Changes", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("before", "now", "now / before"):
        table.add_column(name, justify="right")
    styles: dict[str, Any] = {"slower": "red", "faster": "green"}
    for verdict, style in styles.items():
        for change in comparison.of(verdict)[:SHOWN]:
            before, now = (duration(times["median"]) for times in (change.old, change.new))
            cells = (change.library, change.key, WORDS[change.passed], before, now, f"{change.factor:.2f}")
            add(table, Text(verdict, style=style), *cells)
    if table.row_count:
        console.print(table)
    counts = ", ".join(f"{len(comparison.of(verdict))} {verdict}" for verdict in ("slower", "faster", "same"))
    console.print(f"{counts}; {comparison.only_old} times only before, {comparison.only_new} only now", highlight=False)
    if comparison.others == comparison.others:  # not NaN
        console.print(f"the other libraries, at the median: now / before {comparison.others:.2f}", highlight=False)


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"
