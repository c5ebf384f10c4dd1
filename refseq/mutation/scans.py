"""Calls of parts of the scan that a whole layer does not tell apart: which piece of the gradients writes what."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import refseq
from refseq import operations
from refseq.arrays import zeros
from refseq.linear import add_product_by_units
from refseq.mutation.calls import Calls, nothing, residues
from refseq.scan import build_scan, weight_gradients
from refseq.team import ALONE

LAYERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lstm_peephole", {"peephole": "full", "projection": 4}),
    ("jordan", {}),
    ("gru", {"reset": "after"}),
)


def _pieces() -> dict[str, Any]:
    """Every piece by itself, and some together: what is added to the gradients of all matrices and biases."""
    found: dict[str, Any] = {}
    for name, options in LAYERS:
        layer = refseq.layer(name, 2, 3, **options)
        cell, part = layer.cell, layer.parts[0]
        weights = part.pack({key: residues(11, *shape) for key, shape in layer.shapes.items()})
        outer, sums, pieces = weight_gradients(cell, ALONE)
        rows = (len(cell.state), len(cell.state), cell.layout.stored, len(cell.layout.slots))
        s0, s1, tape, da = (residues(seed, count, part.wide) for seed, count in enumerate(rows))
        count = pieces(weights.matrices)
        found[f"{name} pieces"] = [count, build_scan(cell, ALONE).pieces(weights.matrices)]
        for low, high in [*((k, k + 1) for k in range(count)), (1, 4), (count - 2, count), (2, 2)]:
            dM, db = (
                tuple(zeros(array.shape, array) for array in arrays) for arrays in (weights.matrices, weights.biases)
            )
            outer(low, high, residues(12, 1, 2), s0, s1, tape, da, dM)
            sums(low, high, da, dM, db)
            for number, array in enumerate((*dM, *db)):
                found[f"{name} {low}:{high} {number}"] = array
    return found


def _ahead() -> dict[str, Any]:
    """Steps whose products of x stand in the pre-activations already, with products whose sums are in registers:
    everything that forward and backward write, from numbers that mean nothing."""
    found: dict[str, Any] = {}
    for name, options in (*LAYERS, ("gru", {})):
        layer = refseq.layer(name, 2, 3, **options)
        cell, part = layer.cell, layer.parts[0]
        weights = part.pack({key: residues(13, *shape) for key, shape in layer.shapes.items()})
        scan = build_scan(cell, replace(ALONE, product=add_product_by_units), ahead=True)
        slots, lengths, wide = len(cell.layout.slots), np.array([2, 1]), part.wide
        s, tape = residues(14, 3, 2, len(cell.state), wide), residues(15, 2, 2, cell.layout.stored, wide)
        a, da, y = residues(16, 4, slots, wide), residues(17, 2, 2, slots, wide), residues(18, 2, 2, layer.outputs)
        x, dx, m = residues(19, 2, 2, 1, 2), residues(20, 2, 2, 1, 2), residues(21, 2, 2, 0, wide)
        ds, d0 = residues(22, 2, len(cell.state), wide), residues(23, 2, len(cell.state), wide)
        dv, dp = residues(24, 2, len(cell.layout.vectors), wide), residues(25, 2, len(cell.own), wide)
        given = (weights.matrices, weights.p, m, lengths, True, s, tape)
        for b in range(2):
            scan.forward_row(b, 0, 2, weights.matrices, weights.biases, weights.p, m, x, lengths, True, s, tape, y, a)
            scan.backward_row(b, 0, 2, *given, y, ds, d0, dv, da, dx, dp)
        written = {"s": s, "tape": tape, "y": y, "a": a, "da": da, "dx": dx, "ds": ds, "dp": dp}
        found |= {f"{cell.label} {key}": array for key, array in written.items()}
    return found


def _normalised() -> dict[str, Any]:
    """A mean that is large beside the deviations, in two lanes."""
    out, kept = np.zeros(4), np.zeros(4)
    for lane in (1, 0):
        operations.normalise(np.array([1e8 + 1, 1e8 + 2, 1e8 + 4, 7.0]), out, kept, 1e-5, 3, lane, 2)
    return {"out": out, "kept": kept}


def _deviations() -> Iterator[tuple[str, Any, Any]]:
    """Of 1, 2 and 3, whatever is added to all of them: every sum and mean is exact."""
    out, kept, moved = np.zeros(3), np.zeros(3), np.zeros(3)
    operations.normalise(np.array([1.0, 2.0, 3.0]), out, kept, 1e-5, 3, 0, 1)
    operations.normalise(np.array([1.0, 2.0, 3.0]) + 2.0**40, moved, kept, 1e-5, 3, 0, 1)
    yield "shifted", moved, out


CALLS: dict[str, Calls] = {
    "pieces of the gradients": Calls(_pieces, nothing),
    "products of x ahead": Calls(_ahead, nothing),
    "layer normalisation": Calls(_normalised, _deviations),
}
"""Cases by name."""
