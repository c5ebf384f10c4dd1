"""The formulas of a cell, written down by running its own functions over text: there is no second copy to go stale."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from refseq.fields.formula import Formula

if TYPE_CHECKING:
    from refseq.cell import Cell
    from refseq.stage import Stage


def equations(cell: "Cell") -> tuple[str, ...]:
    """One line for each kind of pre-activation and for each vector that a stage makes.

    ``a_g`` is the pre-activation of gate g, ``h_(t-1)`` an old state and ``h_t`` a new one, ``*`` acts on each unit.
    """
    lines = []
    for stage in cell.stages:
        lines += _condensed([(_gate(cell, slot), f"a_{slot} = {_terms(cell, stage, slot)}") for slot in stage.slots])
        lines += _made(cell, stage) if stage.operation is None else _operated(cell, stage)
    return tuple(lines)


def _condensed(lines: Iterable[tuple[str, str]]) -> list[str]:
    """Lines (gate, text) that differ in nothing but the gate's name, as one line for all their gates k."""
    forms: dict[str, list[tuple[str, str]]] = {}
    for gate, text in lines:
        form = re.sub(rf"(?<![A-Za-z0-9]){re.escape(gate)}(?![A-Za-z0-9])", "k", text)
        forms.setdefault(form, []).append((gate, text))
    return [
        f"{form}    for k = {', '.join(gate for gate, _ in found)}" if len(found) > 1 else found[0][1]
        for form, found in forms.items()
    ]


def _gate(cell: "Cell", slot: str) -> str:
    """The gate whose pre-activation this is: ``i`` of ``i`` and of ``i_x``."""
    blocks = {gate for matrix in cell.layout.matrices.values() for gate in matrix.gates}
    return slot if slot in blocks else next((gate for gate in cell.gates if slot.startswith(f"{gate}_")), slot)


def _terms(cell: "Cell", stage: "Stage", slot: str) -> str:
    """The sum that fills a pre-activation."""

    def block(name: str, gate: str, count: int) -> str:
        return f"{name}[{gate}]" if count > 1 else name

    terms = []
    for product in stage.products:
        if slot in product.into:
            operand = cell.symbol(product.operand)
            if product.matrix:
                gate, count = product.gates[product.into.index(slot)], len(cell.layout.matrices[product.matrix].gates)
                operand = f"{block(product.matrix, gate, count)} {operand}"
            terms.append(operand)
    return " + ".join(terms + [block(b.name, b.row_of[slot], len(b.rows)) for b in cell.biases if slot in b.slots])


def _operated(cell: "Cell", stage: "Stage") -> list[str]:
    made = zip(stage.slots, stage.makes, strict=True)
    return _condensed((_gate(cell, slot), f"{cell.symbol(name)} = {stage.operation}(a_{slot})") for slot, name in made)


def _made(cell: "Cell", stage: "Stage") -> list[str]:
    names = [cell.symbol(name) for name in stage.makes]
    slots = tuple(Formula(f"a_{slot}") for slot in stage.slots)
    assert stage.forward is not None
    known = tuple(Formula(cell.symbol(name)) for name in (*cell.olds, *stage.sees))
    p = tuple(Formula(name) for name in (*cell.own, *cell.constants, *cell.masks))
    made, _ = stage.forward(slots, known, p)
    lines: list[str] = []
    written: dict[str, str] = {}
    for name, value in zip(names, made, strict=True):
        text = str(value)
        for formula, short in written.items():  # in brackets of its own, which it then needs no more, or of a function
            if formula != text:
                text = re.sub(rf"(?<!\w)\({re.escape(formula)}\)", short, text).replace(f"({formula})", f"({short})")
        lines.append(f"{name} = {text}")
        written[str(value)] = name
    return lines
