"""Is the description of a cell consistent? Every error is a ValueError that begins with the cell's name."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from refseq.operations import OPERATIONS

if TYPE_CHECKING:
    from refseq.cell import Cell
    from refseq.stage import Stage


def validate(cell: "Cell") -> None:
    """Raise ValueError if names are given twice or unknown, or functions return tuples of the wrong length."""

    def refuse(why: str) -> None:
        raise ValueError(f"cell {cell.name}: {why}")

    if not cell.gates or not cell.state or not cell.stages:
        refuse(f"needs at least one gate, state and stage, got {cell.gates}, {cell.state} and {cell.stages}")
    once: dict[str, Sequence[str]] = {
        "gates": cell.gates,
        "state": cell.state,
        "parameters, constants and masks": (*cell.own, *cell.constants, *cell.masks),
        "pre-activations": [slot for stage in cell.stages for slot in stage.slots],
        "vectors": [name for stage in cell.stages for name in stage.makes],
        "biased pre-activations": [slot for bias in cell.biases for slot in bias.slots],
    }
    for what, names in once.items():
        if len(set(names)) != len(names):
            refuse(f"{what}: a name stands twice in {tuple(names)}")
    missing = {f"{name}1" for name in cell.state} - set(once["vectors"])
    if missing:
        refuse(f"no stage makes {sorted(missing)}")
    unknown = set(once["biased pre-activations"]) - set(once["pre-activations"])
    if unknown:
        refuse(f"biases name unknown pre-activations {sorted(unknown)}")
    known = {"x", *cell.olds}
    for stage in cell.stages:  # all of them before the layout, which relies on it
        for vector in (*stage.sees, *(product.operand for product in stage.products)):
            if vector not in known:
                refuse(f"the stage that makes {', '.join(stage.makes)} uses {vector!r}, which nothing has made")
        known |= set(stage.makes)
    for stage in cell.stages:
        _stage_names(cell, stage)
    taken = set(cell.own) & {*cell.layout.matrices, *(bias.name for bias in cell.biases)}
    if taken:
        refuse(f"parameters {sorted(taken)} are names of matrices or biases")
    for number in range(len(cell.stages)):
        _arities(cell, number)


def _stage_names(cell: "Cell", stage: "Stage") -> None:
    makes = ", ".join(stage.makes)
    for product in stage.products:
        strange = set(product.into) - set(stage.slots)
        if strange or (product.matrix and len(product.into) != len(product.gates)):
            raise ValueError(f"cell {cell.name}: {product} does not fit the pre-activations {stage.slots}")
        if product.matrix:
            gates = cell.layout.matrices[product.matrix].gates
            first = gates.index(product.gates[0])
            if gates[first : first + len(product.gates)] != product.gates:
                raise ValueError(f"cell {cell.name}: {product.gates} are not next to one another in {gates}")
    if (stage.operation is None) == (stage.forward is None or stage.backward is None):
        raise ValueError(f"cell {cell.name}: the stage that makes {makes} needs two functions or one operation")
    if stage.operation is not None:
        operation = OPERATIONS.get(stage.operation)
        if operation is None:
            raise ValueError(f"cell {cell.name}: expected one of {', '.join(OPERATIONS)}; got {stage.operation!r}")
        if len(stage.makes) != len(stage.slots) or len(stage.keeps) != operation.keeps * len(stage.slots):
            raise ValueError(f"cell {cell.name}: {stage.operation} makes one vector of each pre-activation")
        if operation.constant is not None and operation.constant not in cell.constants:
            raise ValueError(f"cell {cell.name}: {stage.operation} needs the constant {operation.constant!r}")


def _arities(cell: "Cell", number: int) -> None:
    """Run the functions once on plain numbers and count what comes back."""
    stage = cell.stages[number]
    cell.layout.rows(stage.makes)
    cell.layout.rows(stage.sees)
    if stage.forward is None or stage.backward is None:
        return

    def numbers(count: int) -> tuple[float, ...]:
        return tuple(0.5 for _ in range(count))

    def expect(what: str, got: object, *lengths: int) -> None:
        parts = got if isinstance(got, tuple) else (got,)
        found = tuple(len(part) if isinstance(part, tuple) else type(part).__name__ for part in parts)
        if found != lengths:
            raise ValueError(f"cell {cell.name}: {what} must return tuples of lengths {lengths}, got {found}")

    known, made = len(cell.olds) + len(stage.sees), len(stage.makes)
    s, p = numbers(known), numbers(len(cell.own) + len(cell.constants) + len(cell.masks))
    expect("forward", stage.forward(numbers(len(stage.slots)), s, p), made, len(stage.keeps))
    back = stage.backward(numbers(len(stage.keeps)), s, numbers(made), p, numbers(made))
    expect("backward", back, len(stage.slots), known, len(cell.own))
