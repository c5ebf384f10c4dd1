"""Squared error, summed over the features of a token: loss = sum_k (x_k - y_k)^2, dloss/dx_k = 2 (x_k - y_k)."""

from typing import Any

import numpy as np
from numba.extending import register_jitable

from refseq.losses.elementwise import features_of, sum_over_features
from refseq.losses.loss import Loss
from refseq.targets.visiting import guests


@register_jitable
def element(x, y, p):
    """One feature's loss and its derivative."""
    difference = x - y
    return difference * difference, difference + difference


@guests("predictions", "targets")
def squared_error(
    predictions: np.ndarray,
    targets: np.ndarray,
    *,
    lengths: Any = None,
    weights: np.ndarray | None = None,
    reduction: str = "mean per token",
    target: str = "cpu",
) -> Loss:
    """Squared error of predictions (T, B, ...), with its gradient; no factor 1/2.

    targets    like the predictions
    lengths    None (T for all) or integers (B,); beyond a row's length loss and gradient are exactly zero
    weights    None, a mask of True and False (T, B), or numbers >= 0 of the dtype of the predictions
    reduction  see ``refseq.losses.reduction``; torch's "mean" is "mean per element"
    target     where it runs, see ``refseq.targets``

    The square of a difference beyond the square root of the largest number is inf. Raises TypeError or ValueError
    naming the argument; RuntimeError where the target cannot run.
    """
    x = features_of("predictions", predictions)
    none = np.zeros((0, int(np.prod(x.shape[2:]))), x.dtype)
    return sum_over_features(element, x, targets, none, lengths, weights, reduction, target=target)
