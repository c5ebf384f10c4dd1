"""Losses that are a sum over features: one function of one feature (``refseq.losses.pointwise_rows``), all tokens."""

from collections.abc import Callable
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import name_of
from refseq.kernels import on_vectors
from refseq.losses.loss import Loss, inside, matching, numbers, ones, reduced, sample, token_weights
from refseq.losses.pointwise_rows import build
from refseq.losses.reduction import OVER_FEATURES, scales
from refseq.losses.short_tokens import FEW, over_short_tokens
from refseq.losses.tokens import over_tokens


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
    target: str = "cpu",
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
    flat, index = (steps * rows, features), np.where(active.reshape(-1), 0, -1)
    given = (x.reshape(flat), index, y.reshape(flat), p, scale.reshape(-1))
    if features <= FEW and on_vectors(name_of(x.dtype), target):
        tokens, dx = over_short_tokens(element, *given)
    else:
        tokens, dx = over_tokens(build, (element, len(p)), *given, like, target=target)
    return reduced(dx.reshape(x.shape), tokens.reshape(steps, rows), scale)
