"""VJP = transposed JVP over GF(2^61 - 1), exactly, on the very source of cell, step and scan.

A wrong gradient survives with a probability below 2^-40 (see ``refseq.fields.residue``).
"""

from collections.abc import Collection, Mapping

import numpy as np

from refseq.arrays import lift
from refseq.checks.function import Arrays, Posed
from refseq.fields.differential import duals
from refseq.fields.residue import MODULUS, Residue


def not_transposed(problem: Posed, seed: int = 3) -> list[str]:
    """The values whose gradient is not the transpose of the forward derivative; only the shapes of the problem's arrays
    matter. <cotangents, J v> = <J^T cotangents, v> for one direction v through all values at once; through
    halves of them, and halves of these, only to name the culprits."""
    rng, function = np.random.default_rng(seed), problem.function

    def residues(arrays: Mapping[str, np.ndarray]) -> Arrays:
        return {name: lift(rng.integers(0, MODULUS, array.shape), Residue) for name, array in arrays.items()}

    values, towards = residues(problem.values), residues(problem.values)
    constants = residues(problem.constants)
    results, record = function.forward(values, constants, "reference")
    cotangents = residues(results)
    gradients = function.backward(record, cotangents)
    still = {name: duals(array, _zero(array)) for name, array in constants.items()}

    def holds(names: Collection[str]) -> bool:
        moved = {n: duals(array, towards[n] if n in names else _zero(array)) for n, array in values.items()}
        results, _ = function.forward(moved, still, "reference")
        pushed = {name: lift(array, lambda number: number.tangent) for name, array in results.items()}
        return _dot(pushed, cotangents) == _dot({name: gradients[f"d{name}"] for name in names}, towards)

    def culprits(names: list[str]) -> list[str]:
        if holds(names):
            return []
        half = len(names) // 2
        return (culprits(names[:half]) + culprits(names[half:]) if half else []) or names

    return culprits(list(values))


def _zero(array: np.ndarray) -> np.ndarray:
    return np.full(array.shape, Residue(0), object)


def _dot(arrays: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]) -> Residue:
    pairs = (pair for name, array in arrays.items() for pair in zip(array.flat, others[name].flat, strict=True))
    return sum((number * weight for number, weight in pairs), Residue(0))
