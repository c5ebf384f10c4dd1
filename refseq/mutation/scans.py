"""Calls of parts of the scan that a whole layer does not tell apart: which piece of the gradients writes what."""

from collections.abc import Iterator
from typing import Any

import numpy as np

import refseq
from refseq import operations
from refseq.arrays import zeros
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
    "layer normalisation": Calls(_normalised, _deviations),
}
"""Cases by name."""
