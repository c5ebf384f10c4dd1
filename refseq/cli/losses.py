"""Losses that ``refseq verify`` judges when ``--cell`` names them, beside recurrences."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import typer

from refseq.adapters import LOSSES, PEERS
from refseq.checks.structures import ctc
from refseq.cli.work import LossRow, NetworkRow, Work
from refseq.tree_layer import TARGETS

NAMES = ("ctc",)
DTYPES = ("float64", "float32")
CLASSES = 5


def split(cells: Sequence[str]) -> tuple[list[str], list[str]]:
    """What of ``--cell`` is a loss, and the rest."""
    return [name for name in cells if name in NAMES], [name for name in cells if name not in NAMES]


def rows(
    name: str, losses: Sequence[str], dtypes: Sequence[str], targets: Sequence[str], named: bool, load: Callable
) -> Iterator[Work]:
    """The rows of one implementation. ``named``: it was asked for; then it must have the loss. Raises
    typer.BadParameter."""
    for loss in losses:
        for dtype in dtypes or DTYPES:
            if name == "refseq":
                own = [where for where in targets if where in TARGETS]
                systems = list(ctc.examples(CLASSES, CLASSES))
                yield from (NetworkRow(f"refseq {t}", t, system, dtype) for t in own for system in systems)
            elif (name, loss) in LOSSES:
                yield LossRow(name, _of_peer(name, loss), loss, dtype)
            elif name not in PEERS:
                yield LossRow(name, load(name), loss, dtype)
            elif named:
                raise typer.BadParameter(f"{name} has no {loss} to be judged", param_hint="--cell")


def _of_peer(name: str, loss: str) -> Callable[[], Any]:
    why = PEERS[name].missing()
    if why:
        raise typer.BadParameter(f"{name}: {why}", param_hint="TARGET")

    def build() -> Any:
        module, function = LOSSES[name, loss]
        return getattr(importlib.import_module(module), function)()

    return build
