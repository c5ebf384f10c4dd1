"""``refseq catalogue``: every recurrence with its source, options, parameters and formulas."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import refseq
import refseq.trees
from refseq.cell import Cell
from refseq.cli import tables
from refseq.cli.choice import Variant, chosen
from refseq.cli.files import check_writable, write_json
from refseq.networks import SCHEDULES
from refseq.recurrence import Number, Option, Recurrence, Size

SIZES = {"inputs": "I", "units": "H", "projection": "P", "outputs": "O"}


def catalogue(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="A recurrence (lstm) or variant (gru(reset=after)).")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything as JSON.")] = None,
) -> int:
    """Every recurrence: source, lectures' ids, options, parameters with shapes, and the formulas of its own code."""
    if json_file:
        check_writable(json_file)
    known = {**refseq.catalogue(), **refseq.trees.catalogue()}
    listed: list[Variant] = [(name, {}) for name in known]
    if names:
        whole = [name for name in names if name in known]
        listed = [(name, {}) for name in whole] + chosen([name for name in names if name not in whole], "NAME")
    entries = [_entry(known[name], options) for name, options in listed]
    console = tables.console()
    for entry in entries:
        _print(console, entry)
    if not names:
        console.print(_schedules())
    if json_file:
        write_json(json_file, {"recurrences": entries, "schedules": [asdict(schedule) for schedule in SCHEDULES]})
    return 0


def _schedules() -> Table:
    """How the steps of recurrences are arranged."""
    table = Table("schedule", "asked for by", "", "lectures", title="Schedules", title_justify="left")
    for schedule in SCHEDULES:
        tables.add(table, schedule.name, schedule.call, schedule.meaning, ", ".join(schedule.lectures))
    return table


def _entry(recurrence: Recurrence, options: dict[str, Any] | Any) -> dict[str, Any]:
    cell = recurrence.cell(**options)
    return {
        "name": recurrence.name,
        "label": cell.label,
        "title": recurrence.title,
        "paper": cell.source.paper,
        "lectures": list(cell.source.lectures),
        "options": {name: _choices(option) for name, option in recurrence.options.items()},
        "state": list(cell.state),
        "parameters": shapes(cell),
        "masks": list(cell.masks),
        "equations": list(cell.equations),
    }


def _choices(option: Option | Number | Size) -> str:
    """What an option may be, the default first, and what it means."""
    if isinstance(option, Option):
        words = [option.default, *(choice for choice in option.choices if choice != option.default)]
        return f"{' | '.join(map(str, words))}: {option.meaning}"
    if isinstance(option, Size):
        kind = "positive integer"
    else:
        left, right = "[]" if option.closed else "()"
        kind = f"number in {left}{option.low:g}, {option.high:g}{right}"
    return f"{option.default} | {kind}: {option.meaning}"


def shapes(cell: Cell) -> dict[str, str]:
    """Shape of every parameter in letters: ``(4, H, I)``; of a tree's cell those of its edges as well."""
    found: dict[str, str] = {}
    for part in getattr(cell, "parts", (cell,)):
        for name, m in part.layout.matrices.items():
            found[name] = f"({len(m.gates)}, {SIZES[m.outputs]}, {SIZES[m.inputs]})"
        for bias in part.biases:
            stage = next(stage for stage in part.stages if bias.slots[0] in stage.slots)
            found[bias.name] = f"({len(bias.rows)}, {SIZES[stage.size]})"
        found |= {p.name: "(1,)" if p.shared else "(H,)" for p in part.parameters}
    return found


def _print(console: Console, entry: dict[str, Any]) -> None:
    console.print(Text(entry["label"], style="bold").append(f"   {entry['title']}", style="not bold"))
    for line in entry["equations"]:
        console.print(Text(f"    {line}"))
    parameters = "  ".join(f"{name} {shape}" for name, shape in entry["parameters"].items())
    console.print(Text(f"    parameters: {parameters}"))
    state = ", ".join(entry["state"]) + (f"   masks: {', '.join(entry['masks'])}" if entry["masks"] else "")
    console.print(Text(f"    state: {state}"))
    for name, choices in entry["options"].items():
        console.print(Text(f"    {name} = {choices}", style="dim"))
    lectures = f" [{', '.join(entry['lectures'])}]" if entry["lectures"] else ""
    console.print(Text(f"    {entry['paper']}{lectures}\n", style="dim"))
