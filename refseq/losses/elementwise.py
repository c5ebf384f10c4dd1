"""Losses that are a sum over features: one function of one feature, and the loop over tokens around it.

element(x, y, p)  -> (value, slope)      x: prediction, y: target, p: the feature's own parameters, a tuple;
                                         slope: the derivative of value with respect to x
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable

from refseq import arguments
from refseq.arrays import zeros
from refseq.columns import gather
from refseq.kernels import compiled
from refseq.losses.loss import Loss, inside, matching, numbers, ones, reduced, sample, token_weights
from refseq.losses.reduction import OVER_FEATURES, scales
from refseq.primitives import zero


@cache
def build(element: Callable, parameters: int) -> Callable:
    """The loop over all tokens, as a plain function that numba can compile."""
    rows = tuple(range(parameters))

    @register_jitable
    def token_losses(x, y, p, active, scale, tokens, dx):
        for t in range(x.shape[0]):
            for b in range(x.shape[1]):
                if active[t, b]:
                    total = zero(x[t, b, 0])
                    for k in range(x.shape[2]):
                        value, slope = element(x[t, b, k], y[t, b, k], gather(p, k, rows))
                        total = total + value
                        dx[t, b, k] = scale[t, b] * slope
                    tokens[t, b] = total

    token_losses.__qualname__ = token_losses.__name__ = f"token_losses_{element.__name__}"
    return token_losses


def features_of(name: str, value: Any) -> np.ndarray:
    """Predictions (T, B, ...) with at least one feature."""
    checked = numbers(name, value, None)
    if checked.ndim < 2 or 0 in checked.shape[2:]:
        raise ValueError(f"{name}: expected shape (T, B, ...) with at least one feature, got {checked.shape}")
    return checked


def sum_over_features(
    element: Callable,
    x: np.ndarray,
    targets: Any,
    p: np.ndarray,
    lengths: Any,
    weights: Any,
    reduction: str,
    check: Callable[[str, np.ndarray, np.ndarray], None] | None = None,
) -> Loss:
    """The loss of predictions x (T, B, ...) and targets of the same shape; p (P, K) are the parameters of K features.
    ``check`` judges the targets where tokens count."""
    arguments.choice("reduction", reduction, OVER_FEATURES)
    steps, rows = x.shape[:2]
    y = matching("targets", targets, x.shape, x)
    counted = inside(lengths, steps, rows)
    like = sample(x, counted)
    weight, active = token_weights(weights, counted, like)
    if check:
        check("targets", y, active)
    features = p.shape[1]
    scale = scales(reduction, weight, ones((steps, rows), like), active, features)
    tokens, dx = zeros((steps, rows), like), zeros((steps, rows, features), like)
    run = compiled(build(element, p.shape[0]), str(x.dtype), element)
    run(x.reshape(dx.shape), y.reshape(dx.shape), p, active, scale, tokens, dx)
    return reduced(dx.reshape(x.shape), tokens, scale)
