"""Lyapunov exponents: the mean exponential rates at which small changes of the state grow along a run.

    lambda_i = lim 1/T log |R_T[i,i] ... R_1[i,i]|        J_t Q_{t-1} = Q_t R_t,  Q_t orthogonal

The QR factorisation after every step keeps directions apart that would all fall into the fastest growing one.
G. Benettin, L. Galgani, A. Giorgilli, J.-M. Strelcyn, Meccanica 15 (1980), 9-20; for recurrent networks R. Engelken,
F. Wolf, L. F. Abbott, Phys. Rev. Research 5 (2023) 043044. Largest exponent below 0: states and gradients forget;
above 0: chaos, and gradients explode.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import arguments
from refseq.dynamics.jacobians import state_jacobians
from refseq.dynamics.spectrum import square
from refseq.gradients.steps import CHUNK, during, masked, whole_masks
from refseq.layer import Layer

BATCHES = 10
"""Consecutive parts of a run whose means are compared."""


@dataclass(frozen=True)
class Lyapunov:
    """``exponents`` (B, count) per step, in natural units and in the order of the directions: decreasing in the limit.

    ``error`` (B, count): the standard error of the mean over time, from the spread of the means of ``BATCHES``
    consecutive parts of the run; it knows nothing of a transient longer than such a part. NaN for fewer steps than
    parts, and where an exponent is -inf (some J_t maps the direction to zero).
    """

    exponents: np.ndarray
    error: np.ndarray


class _Directions:
    """Orthonormal directions carried along, and the logarithms of their growth, step by step."""

    def __init__(self, rows: int, size: int, count: int) -> None:
        self.Q = np.repeat(np.eye(size, count)[None], rows, axis=0)
        self.growth: list[np.ndarray] = []

    def push(self, matrices: np.ndarray) -> None:
        """One step: J (B, n, n)."""
        self.Q, R = np.linalg.qr(matrices.astype(np.float64) @ self.Q)
        with np.errstate(divide="ignore"):  # a direction that is mapped to zero: log 0 = -inf is its exponent
            self.growth.append(np.log(np.abs(np.diagonal(R, axis1=1, axis2=2))))

    def result(self, counts: np.ndarray, transient: int) -> Lyapunov:
        """Means over each row's own steps after the transient."""
        growth = np.array(self.growth)
        exponents = np.zeros(growth.shape[1:])
        error = np.full(growth.shape[1:], np.nan)
        for b, length in enumerate(counts):
            own = growth[transient:length, b]
            exponents[b] = own.mean(axis=0)
            if len(own) >= BATCHES:
                means = np.array([part.mean(axis=0) for part in np.array_split(own, BATCHES)])
                finite = np.isfinite(means).all(axis=0)
                error[b, finite] = means[:, finite].std(axis=0, ddof=1) / np.sqrt(BATCHES)
        return Lyapunov(exponents, error)


def exponents_of(jacobians: Iterable[np.ndarray], count: int | None = None, transient: int = 0) -> Lyapunov:
    """The exponents of any sequence of Jacobians, each (n, n) or (B, n, n), first step first.

    ``count`` leading exponents (None: all n); the first ``transient`` steps turn the directions but are not counted.
    Raises ValueError or TypeError naming the argument; ValueError if no step is left to count.
    """
    arguments.integer("transient", transient, 0)
    directions, steps = None, 0
    for steps, jacobian in enumerate(jacobians, 1):
        matrices = square(f"jacobians[{steps - 1}]", jacobian)
        matrices = matrices[None] if matrices.ndim == 2 else matrices
        if directions is None:
            directions = _Directions(len(matrices), matrices.shape[-1], _count(count, matrices.shape[-1]))
        directions.push(matrices)
    if directions is None or steps <= transient:
        raise ValueError(f"jacobians: expected more than transient = {transient} steps, got {steps}")
    return directions.result(np.full(len(directions.Q), steps), transient)


def lyapunov_exponents(
    layer: Layer,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    state: Mapping[str, np.ndarray] | None = None,
    lengths: Any = None,
    *,
    count: int | None = None,
    transient: int = 0,
    masks: Mapping[str, np.ndarray] | None = None,
    target: str = "cpu",
) -> Lyapunov:
    """The exponents of a layer's state along a run, row by row; under an input they are those of the driven system.

    Jacobians are taken in pieces, so that memory does not grow with T. Other arguments as in ``Layer.forward`` and
    ``exponents_of``. Raises ValueError or TypeError naming the argument; ValueError if a row is not longer than the
    transient, and for a bidirectional layer.
    """
    arguments.integer("transient", transient, 0)
    x = arguments.array("x", x, ("T", "B", layer.inputs), None)
    counts = arguments.lengths(lengths, *x.shape[:2])
    for b, length in enumerate(counts):
        if length <= transient:
            raise ValueError(f"lengths[{b}]: expected more than transient = {transient} steps, got {length}")
    whole = whole_masks(masks, len(x))
    start = state_jacobians(layer, params, x[:0], state, target=target, masks=during(whole, 0, 0))
    size = start.vector.size
    directions = _Directions(len(counts), size, _count(count, size))
    piece = max(1, CHUNK // max(1, size * len(counts)))
    for first in range(0, len(x), piece):
        part, here = x[first : first + piece], np.clip(counts - first, 0, min(piece, len(x) - first))
        inside = during(whole, first, first + len(part))
        for matrices in state_jacobians(layer, params, part, state, here, target, masks=inside).matrices:
            directions.push(matrices)
        state = layer.forward(params, part, state, here, target, **masked(inside)).state
    return directions.result(counts, transient)


def _count(count: int | None, size: int) -> int:
    if count is None:
        return size
    if arguments.integer("count", count, 1) > size:
        raise ValueError(f"count: expected at most n = {size}, the size of the state vector, got {count}")
    return count
