"""Perplexity (L2.3): exp of the mean negative log-likelihood; 1 for the perfect model, V for the uniform one."""

from typing import Any

import numpy as np

from refseq.arrays import Elsewhere, read
from refseq.losses.cross_entropy import cross_entropy
from refseq.primitives import exp
from refseq.targets.visiting import guests


@guests("logits", "targets")
def perplexity(
    logits: np.ndarray,
    targets: np.ndarray,
    *,
    lengths: Any = None,
    weights: np.ndarray | None = None,
    ignore_index: int | None = None,
    target: str = "cpu",
) -> Any:
    """exp(mean over tokens of -log softmax(logits)[target]); arguments as in ``cross_entropy``.

    A mean beyond log of the largest number (709.78 in float64, 88.72 in float32) gives inf. Without any token that
    counts it is 1, as the product of no probabilities is.
    """
    loss = cross_entropy(logits, targets, lengths=lengths, weights=weights, ignore_index=ignore_index, target=target)
    value = read(loss.value)[()] if isinstance(loss.value, Elsewhere) else loss.value
    with np.errstate(over="ignore"):  # float32: the cast of a float64 beyond its range
        return exp(value)
