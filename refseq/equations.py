"""The formulas of a cell, written down by running its own functions over text: there is no second copy to go stale."""

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
        lines += _affine(cell, stage)
        lines += _made(cell, stage)
    return tuple(lines)


def _affine(cell: "Cell", stage: "Stage") -> list[str]:
    """Pre-activations; those of one form on one line, for all their gates k."""
    forms: dict[str, list[str]] = {}
    for slot in stage.slots:
        forms.setdefault(_terms(cell, stage, slot, "k"), []).append(slot)
    lines = []
    for form, slots in forms.items():
        if len(slots) > 1:
            lines.append(f"a_k = {form}    for k = {', '.join(slots)}")
        else:
            lines.append(f"a_{slots[0]} = {_terms(cell, stage, slots[0], slots[0])}")
    return lines


def _terms(cell: "Cell", stage: "Stage", slot: str, letter: str) -> str:
    """The sum that fills a pre-activation; ``letter`` stands for the gate that is called like it."""

    def block(name: str, gate: str, count: int) -> str:
        return f"{name}[{letter if gate == slot else gate}]" if count > 1 else name

    terms = []
    for product in stage.products:
        if slot in product.into:
            operand = cell.symbol(product.operand)
            if product.matrix:
                gate, count = product.gates[product.into.index(slot)], len(cell.layout.matrices[product.matrix].gates)
                operand = f"{block(product.matrix, gate, count)} {operand}"
            terms.append(operand)
    return " + ".join(terms + [block(b.name, b.row_of[slot], len(b.rows)) for b in cell.biases if slot in b.slots])


def _made(cell: "Cell", stage: "Stage") -> list[str]:
    names = [cell.symbol(name) for name in stage.makes]
    slots = tuple(Formula(f"a_{slot}") for slot in stage.slots)
    if stage.forward is None:
        return [f"{name} = {stage.operation}({slot.text})" for name, slot in zip(names, slots, strict=True)]
    known = tuple(Formula(cell.symbol(name)) for name in (*cell.olds, *stage.sees))
    p = tuple(Formula(name) for name in (*cell.own, *cell.constants, *cell.masks))
    made, _ = stage.forward(slots, known, p)
    lines: list[str] = []
    written: dict[str, str] = {}
    for name, value in zip(names, made, strict=True):
        text = str(value)
        for formula, short in written.items():
            text = text.replace(f"({formula})", f"({short})" if f"({formula})" != text else short)
        lines.append(f"{name} = {text}")
        written[str(value)] = name
    return lines
