"""Bounds of what one unit of a cell makes, as claims for ``proofs.intervals.box``."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import refseq
import refseq.trees
from proofs.cells import unit
from proofs.intervals.box import REAL, Bound, Function, decide
from proofs.intervals.interval import INFINITE, MINUS_INFINITE, Interval
from proofs.theorem import Answer, Proved
from refseq.cell import Cell
from refseq.fields.differential import Dual

EVERYWHERE = Interval(*REAL)
POSITIVE, NEGATIVE = Interval(0, INFINITE), Interval(MINUS_INFINITE, 0)
LSTMS = ("lstm", "lstm_no_forget", "lstm_coupled", "lstm_peephole", "lstm_peephole_coupled")

PEEPHOLE = "w_c"

Numbers = Mapping[str, Any]


def every(bounds: Iterable[Bound]) -> Answer:
    """Every bound; the first that is not proved."""
    count = boxes = 0
    for bound in bounds:
        answer = decide(bound)
        if not isinstance(answer, Proved):
            return answer
        count, boxes = count + 1, boxes + int(answer.shown.split()[0])
    return Proved(f"{count} bounds on {boxes} boxes")


def cell_of(name: str, **options: Any) -> Cell:
    """A cell of either catalogue."""
    known = {**refseq.catalogue(), **refseq.trees.catalogue()}
    return known[name].cell(**options)


def variables(cell: Cell) -> dict[str, Interval]:
    """All reals for every pre-activation, old state and learned number; masks in [0, 1].

    Not for the weights of peepholes: a gate sees a + w c, and with a any real number this is any real number."""
    slots = (f"a_{slot}" for stage in cell.stages for slot in stage.slots)
    learned = (name for name in cell.own if not name.startswith(PEEPHOLE))
    return dict.fromkeys((*slots, *cell.olds, *learned), EVERYWHERE) | dict.fromkeys(cell.masks, Interval(0, 1))


def made_by(cell: Cell, numbers: Numbers) -> tuple[Numbers, Numbers]:
    """One unit over these numbers; constants that are not among them have the cell's own values."""

    def given(name: str) -> Any:
        if name.startswith(PEEPHOLE):
            return Dual(0, 0)
        return numbers[name] if name in numbers else Dual(Interval(cell.constants[name]), 0)

    return unit(cell, given)


def between(
    what: str, cell: Cell, of: Callable[[Numbers, Numbers], Any], limit: Any, box: dict[str, Interval]
) -> Iterator[Bound]:
    """-limit <= of(made, kept) <= limit, where limit is an integer or a function of the numbers."""

    def excess(sign: int) -> Function:
        def function(numbers: Numbers) -> Any:
            value = of(*made_by(cell, numbers))
            return (value if sign > 0 else -value) - (limit(numbers) if callable(limit) else limit)

        return function

    for sign in (1, -1):
        yield Bound(f"{cell.label}: {what}", excess(sign), variables(cell) | box)


def by_sign(
    cell: Cell, old: str, of: Callable[[Numbers, Numbers], Any], limit: Callable[[Any], Any]
) -> Iterator[Bound]:
    """|of| <= limit(|old|), on both sides of old = 0."""
    for side, sign in ((POSITIVE, 1), (NEGATIVE, -1)):

        def bound(numbers: Numbers, sign: int = sign) -> Any:
            return limit(numbers[old] if sign > 0 else -numbers[old])

        yield from between(f"growth of {old}", cell, of, bound, {old: side})
