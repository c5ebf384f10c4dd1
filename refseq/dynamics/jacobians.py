"""Jacobians of the state along a run: J_t = d s_t / d s_{t-1}, s all states of all layers in one vector."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from refseq import arguments
from refseq.dynamics.spectrum import spectral_norm
from refseq.gradients.steps import StateVector, Steps, identity
from refseq.layer import Layer


@dataclass(frozen=True)
class StateJacobians:
    """``matrices`` (T, B, n, n): [t, b] is the derivative of the state vector after t+1 steps with respect to that
    after t steps, rows by the new state, columns by the old; the identity where the row's sequence has ended.
    ``lengths`` (B,) says where that is, ``vector`` where each state stands in the vector."""

    matrices: np.ndarray
    lengths: np.ndarray
    vector: StateVector

    def block(self, of: str, by: str) -> np.ndarray:
        """d of_t / d by_{t-1}, e.g. ``block("c", "c")``, which is not diag(f_t): h_{t-1} stays fixed, but the gates of
        a peephole cell look at c_{t-1}. Shape (T, B, size of ``of``, size of ``by``)."""
        return self.matrices[:, :, self.vector.entries(of), self.vector.entries(by)].copy()

    def between(self, first: int, last: int) -> np.ndarray:
        """d s_last / d s_first (B, n, n) = J_last ... J_{first+1}, states counted from s_0; the identity if equal."""
        steps = len(self.matrices)
        if not arguments.integer("first", first, 0) <= arguments.integer("last", last, 0) <= steps:
            raise ValueError(f"first, last: expected 0 <= first <= last <= T = {steps}, got {first} and {last}")
        rows = self.matrices.shape[1]
        start = np.repeat(identity(self.vector.size, self.matrices)[None], rows, axis=0)
        return reduce(lambda product, step: step @ product, self.matrices[first:last], start)


def state_jacobians(
    layer: Layer,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    state: Mapping[str, np.ndarray] | None = None,
    lengths: Any = None,
    target: str = "cpu",
    *,
    masks: Mapping[str, np.ndarray] | None = None,
) -> StateJacobians:
    """All step Jacobians along a run, side by side as T*B*n rows of one step with identity cotangents.

    Arguments as in ``Layer.forward``. Raises ValueError or TypeError naming the argument, and ValueError for a
    bidirectional layer, whose state is no recursion forward in time.
    """
    steps = Steps(layer, params, x, state, lengths, target, masks, "a state Jacobian")
    return StateJacobians(steps.jacobians(), steps.counts, steps.vector)


def transition_norms(jacobians: StateJacobians) -> np.ndarray:
    """||d s_t / d s_k|| (spectral) for all 0 <= k <= t <= T: (T+1, T+1, B) at [t, k], 1 for t = k, 0 for k > t."""
    steps, rows, size, _ = jacobians.matrices.shape
    norms = np.zeros((steps + 1, steps + 1, rows), jacobians.matrices.dtype)
    products = np.zeros((steps + 1, rows, size, size), jacobians.matrices.dtype)  # [k]: d s_t / d s_k for the present t
    for t in range(steps + 1):
        if t:
            products[:t] = jacobians.matrices[t - 1] @ products[:t]
        products[t] = np.eye(size)
        norms[t, : t + 1] = spectral_norm(products[: t + 1])
    return norms
