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
from refseq.cell import Cell, labelled
from refseq.cli import tables
from refseq.cli.choice import Variant, chosen
from refseq.cli.files import check_writable, write_json
from refseq.networks import SCHEDULES
from refseq.networks.packing import Part
from refseq.recurrence import Number, Option, Recurrence, Size

SIZES: Any = {"inputs": "I", "units": "H", "projection": "P", "outputs": "O"}
"""Letters where a layer has numbers."""


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
        "label": labelled(cell.name, {**cell.options, **recurrence.sizes(**options)}),
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
        kind = "positive integer" if option.most is None else f"integer in [1, {option.most}]"
    else:
        left, right = "[]" if option.closed else "()"
        kind = f"number in {left}{option.low:g}, {option.high:g}{right}"
    return f"{option.default} | {kind}: {option.meaning}"


def shapes(cell: Cell) -> dict[str, str]:
    """Shape of every parameter in letters: ``(4, H, I)``; of a tree's cell those of its edges as well."""
    parts = [Part(part, 0, 0, 0, "", SIZES, True) for part in getattr(cell, "parts", (cell,))]
    found = {name: shape for part in parts for name, shape in part.shapes().items()}
    return {name: f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})" for name, shape in found.items()}


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
