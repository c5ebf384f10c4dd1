"""Which cells the proofs are about, and one unit of each over any numbers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import refseq
import refseq.trees
from refseq.cell import Cell
from refseq.recurrence import Recurrence


def every_variant() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every recurrence with every example of every option: as the command line has it, its name, its options; what a
    recurrence refuses (dropout without a recurrent matrix) is left out."""
    for recurrence in refseq.catalogue().values():
        yield from _variants(recurrence)


def _variants(recurrence: Recurrence) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for options in recurrence.variants():
        try:
            recurrence.cell(**options)
        except ValueError:
            continue
        inside = ",".join(f"{key}={value}" for key, value in options.items())
        yield f"{recurrence.name}({inside})" if inside else recurrence.name, recurrence.name, dict(options)


def every_cell() -> Iterator[tuple[str, Cell]]:
    """The cells of every recurrence of both catalogues with every example of every option, and the edge cells of
    trees, each with a name."""
    for recurrence in (*refseq.catalogue().values(), *refseq.trees.catalogue().values()):
        for name, _, options in _variants(recurrence):
            cell = recurrence.cell(**options)
            for part in getattr(cell, "parts", (cell,)):
                yield name if part is cell else f"{name}.edge", part


def unit(
    cell: Cell, given: Callable[[str], Any], set_by_hand: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run one unit through all its stages: everything that these make, and everything that they keep, by name.

    ``given(name)`` is called for each pre-activation (``a_i``), old state (``h``, ``c``), parameter, constant and mask,
    and for what an operation on whole vectors makes. ``set_by_hand``: values that are taken instead of calling it.
    """
    chosen = dict(set_by_hand or {})

    def value(name: str) -> Any:
        if name not in chosen:
            chosen[name] = given(name)
        return chosen[name]

    made: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    numbers = (*cell.own, *cell.constants, *cell.masks)
    for stage in cell.stages:
        if stage.forward is None:
            made |= {name: value(name) for name in stage.makes}
            continue
        s = tuple(value(name) for name in cell.olds) + tuple(made[name] for name in stage.sees)
        results, record = stage.forward(
            tuple(value(f"a_{slot}") for slot in stage.slots), s, tuple(map(value, numbers))
        )
        made |= dict(zip(stage.makes, results, strict=True))
        kept |= dict(zip(stage.keeps, record, strict=True))
    return made, kept
