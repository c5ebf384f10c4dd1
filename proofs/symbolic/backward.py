"""For every cell: what it writes as backward is the derivative of what it writes as forward, unit by unit.

All units of a layer share the formula of one, and none sees another but through the products with matrices
(``proofs.symbolic.products``) and the operations on whole vectors (``proofs.symbolic.operations``). So the identity for
one unit is the proof for every number of units.
"""

from dataclasses import replace

from proofs.symbolic.identity import every, gradient
from proofs.symbolic.opaque import Opaque, expression, symbol
from proofs.theorem import Answer
from refseq.cell import Cell
from refseq.stage import Stage


def symbols(cell: Cell, stage: Stage) -> tuple[tuple[Opaque, ...], ...]:
    """One unit's pre-activations a, old states and vectors s, numbers p, and cotangents of what the stage makes, named
    as in the cell's printed formulas."""
    a = tuple(f"a_{slot}" for slot in stage.slots)
    s = tuple(cell.symbol(name) for name in (*cell.olds, *stage.sees))
    p = (*cell.own, *cell.constants, *cell.masks)
    cotangents = tuple(f"d[{cell.symbol(name)}]" for name in stage.makes)
    names = (*a, *s, *p, *cotangents)
    if len(set(names)) < len(names):
        raise ValueError(f"cell {cell.name}: expected distinct names, got {', '.join(names)}")
    return tuple(tuple(symbol(n, n in cell.constants or None) for n in group) for group in (a, s, p, cotangents))


def stage_backward(cell: Cell, stage: Stage) -> Answer:
    """One stage: the derivative of sum(cotangent * made) by every a, s and learned p is what backward says."""
    a, s, p, cotangents = symbols(cell, stage)
    assert stage.forward is not None  # of a stage without an operation
    assert stage.backward is not None
    made, kept = stage.forward(a, s, p)
    loss = sum((d * value for d, value in zip(cotangents, made, strict=True)), Opaque(0))
    da, ds, dp = stage.backward(kept, s, made, p, cotangents)
    variables = (*a, *s, *p[: len(cell.own)])
    return gradient(loss, zip(map(expression, variables), (*da, *ds, *dp), strict=True))


def backward(cell: Cell) -> Answer:
    """Every stage that works unit by unit."""
    return every(stage_backward(cell, stage) for stage in cell.stages if stage.operation is None)


def spoiled(cell: Cell) -> Cell:
    """The cell with one term too many in the last cotangent of its first stage's backward."""
    number = next(n for n, stage in enumerate(cell.stages) if stage.operation is None)
    stage = cell.stages[number]
    right = stage.backward
    assert right is not None

    def wrong(kept: tuple, s: tuple, made: tuple, p: tuple, dmade: tuple) -> tuple:
        groups = [list(group) for group in right(kept, s, made, p, dmade)]
        last = next(group for group in reversed(groups) if group)
        last[-1] = last[-1] + dmade[0]
        return tuple(map(tuple, groups))

    wrong_stage = replace(stage, backward=wrong)
    return replace(cell, stages=(*cell.stages[:number], wrong_stage, *cell.stages[number + 1 :]))


def planted(cell: Cell) -> Answer:
    """The proof for a spoiled cell."""
    return backward(spoiled(cell))
