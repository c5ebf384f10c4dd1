"""The losses' gradients against dual numbers: exp and log are formal, weights, targets and smoothing any elements."""

from collections.abc import Callable
from typing import Any

import numpy as np

from proofs.finite_field.case import residues
from proofs.theorem import Answer, Proved, Refuted
from refseq import losses
from refseq.arrays import lift
from refseq.fields.differential import Dual, duals
from refseq.fields.residue import Residue

STEPS, ROWS, WIDTH = 4, 3, 5
LENGTHS = np.array([4, 0, 2])

Number = Callable[[Residue], Any]


def _indices(rng: np.random.Generator, number: Number) -> tuple[np.ndarray, dict[str, Any]]:
    return rng.integers(0, WIDTH, (STEPS, ROWS)), {"class_weights": lift(residues(rng, WIDTH), number)}


def _smoothed(rng: np.random.Generator, number: Number) -> tuple[np.ndarray, dict[str, Any]]:
    targets, options = _indices(rng, number)
    return targets, options | {"label_smoothing": number(residues(rng, 1)[0])}


def _elements(rng: np.random.Generator, number: Number) -> tuple[np.ndarray, dict[str, Any]]:
    return lift(residues(rng, STEPS, ROWS, WIDTH), number), {}


def _binary(rng: np.random.Generator, number: Number) -> tuple[np.ndarray, dict[str, Any]]:
    return _elements(rng, number)[0], {"pos_weight": lift(residues(rng, WIDTH), number)}


KINDS: dict[str, tuple[Callable, Callable]] = {
    "cross-entropy of classes": (losses.cross_entropy, _indices),
    "cross-entropy with smoothed labels": (losses.cross_entropy, _smoothed),
    "cross-entropy of distributions": (losses.cross_entropy, _elements),
    "binary cross-entropy": (losses.binary_cross_entropy, _binary),
    "squared error": (losses.squared_error, _elements),
}
"""Name -> the loss, and its targets and options."""


def proof(kind: str) -> Answer:
    """<gradient, v> is the derivative along v, for every reduction."""
    return _judged(kind, 1)


def planted(kind: str) -> Answer:
    """With the gradient doubled."""
    return _judged(kind, 2)


def _judged(kind: str, factor: int) -> Answer:
    function, example = KINDS[kind]

    def loss(predictions: np.ndarray, number: Number) -> Any:
        rng = np.random.default_rng(14)
        targets, options = example(rng, number)
        weights = lift(residues(rng, STEPS, ROWS), number)
        return function(predictions, targets, lengths=LENGTHS, weights=weights, **options)

    rng = np.random.default_rng(13)
    x, v = residues(rng, STEPS, ROWS, WIDTH), residues(rng, STEPS, ROWS, WIDTH)
    plain, moved = loss(x, lambda n: n), loss(duals(x, v), lambda n: Dual(n, Residue(0)))
    product = sum(((factor * g) * w for g, w in zip(plain.gradient.flat, v.flat, strict=True)), Residue(0))
    if moved.value.tangent != product:
        return Refuted("<gradient, v> is the derivative along v", f"{moved.value.tangent} and {product}")
    return Proved(f"{x.size} derivatives at a random point")
