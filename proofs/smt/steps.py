"""A step's VJP is the transpose of its JVP: sum dout . (J v) = sum (J^T dout) . v for all inputs and directions v.

The right-hand side is the cell's own backward, the left-hand side its forward run on dual numbers over z3's reals
(``refseq.fields.differential``); activations are variables, so this is an identity between polynomials. z3 thus proves
what ``proofs.symbolic.backward`` does by other means.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import z3

import refseq
from proofs.smt.claim import Claim
from refseq.cell import Cell
from refseq.fields.differential import Dual
from refseq.stage import Stage


def transposed(cell: Cell, stage: Stage) -> Claim:
    """The claim for one stage of one unit."""
    assert stage.forward is not None
    assert stage.backward is not None
    names = (stage.slots, (*cell.olds, *stage.sees), cell.own)
    values = [
        [z3.Real(f"{prefix}{name}") for name in group] for prefix, group in zip(("a_", "", ""), names, strict=True)
    ]
    moves = [[z3.Real(f"v_{variable}") for variable in group] for group in values]
    fixed = [z3.Real(name) for name in (*cell.constants, *cell.masks)]
    duals = [tuple(map(Dual, *pair)) for pair in zip(values, moves, strict=True)]
    still = tuple(Dual(number, z3.RealVal(0)) for number in fixed)
    made, _ = stage.forward(duals[0], duals[1], duals[2] + still)
    cotangents = tuple(z3.Real(f"d_{name}") for name in stage.makes)
    left = sum(d * value.tangent for d, value in zip(cotangents, made, strict=True))
    a, s, p = (tuple(group) for group in values)
    results, kept = stage.forward(a, s, p + tuple(fixed))
    pulled = stage.backward(kept, s, results, p + tuple(fixed), cotangents)
    right = sum(
        d * v for group, directions in zip(pulled, moves, strict=True) for d, v in zip(group, directions, strict=True)
    )
    return Claim(
        f"{cell.label}: VJP = JVP^T", left == right, tuple(number > 0 for number in fixed[: len(cell.constants)])
    )


def every_stage(cell: Cell) -> Iterator[Claim]:
    """All stages that work unit by unit."""
    return (transposed(cell, stage) for stage in cell.stages if stage.operation is None)


def proof(name: str, options: dict[str, Any]) -> Iterator[Claim]:
    """A cell of the catalogue."""
    return every_stage(refseq.catalogue()[name].cell(**options))


def planted(name: str, options: dict[str, Any]) -> Iterator[Claim]:
    """The cotangent of the last state (c of an LSTM) without what the gates ask of it: halved."""
    cell = refseq.catalogue()[name].cell(**options)
    stage = cell.stages[-1]
    right = stage.backward
    assert right is not None

    def wrong(*arguments: Any) -> tuple:
        da, ds, dp = right(*arguments)
        return da, (*ds[:-1], ds[-1] / 2), dp

    return every_stage(replace(cell, stages=(*cell.stages[:-1], replace(stage, backward=wrong))))
