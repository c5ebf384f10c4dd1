"""Binary cross-entropy of logits (L3.4), summed over the features of a token.

    loss = - v y log sigmoid(x) - (1 - y) log sigmoid(-x)        v: the weight of positive examples
    dloss/dx = (1 - y) sigmoid(x) - v y sigmoid(-x)

-log sigmoid(x) = log1p(e^-|x|), minus x where x < 0: the exponential of a negative number only, and the smaller of
sigmoid(x), sigmoid(-x) by itself, so that loss and gradient keep their relative accuracy where they saturate.
"""

from functools import partial
from typing import Any

import numpy as np
from numba.extending import register_jitable

from refseq.losses.elementwise import features_of, sum_over_features
from refseq.losses.loss import Loss, inside, matching, not_negative, ones, sample
from refseq.primitives import choose, complement, exp, log1p, zero
from refseq.targets.visiting import guests


@register_jitable
def surprise(x):
    """-log sigmoid(x), -log sigmoid(-x), sigmoid(x) and sigmoid(-x)."""
    e = exp(choose(x, -x, x))
    small, large, less = e / complement(-e), complement(zero(x)) / complement(-e), log1p(e)
    return choose(x, less, less - x), choose(x, less + x, less), choose(x, large, small), choose(x, small, large)


@register_jitable
def element(x, y, p):
    """One feature's loss and its derivative."""
    (v,) = p
    yes, no, sigmoid, rest = surprise(x)
    positive, negative = v * y, complement(y)
    return positive * yes + negative * no, negative * sigmoid - positive * rest


@guests("logits", "targets")
def binary_cross_entropy(
    logits: np.ndarray,
    targets: np.ndarray,
    *,
    lengths: Any = None,
    weights: np.ndarray | None = None,
    reduction: str = "mean per token",
    pos_weight: np.ndarray | None = None,
    target: str = "cpu",
) -> Loss:
    """Binary cross-entropy of logits (T, B, ...), with its gradient.

    targets     like the logits, numbers in [0, 1]
    lengths     None (T for all) or integers (B,); beyond a row's length loss and gradient are exactly zero
    weights     None, a mask of True and False (T, B), or numbers >= 0 of the dtype of the logits
    reduction   see ``refseq.losses.reduction``; torch's "mean" is "mean per element"
    pos_weight  the weight v of positive examples, of the shape of one token's features
    target      where it runs, see ``refseq.targets``

    Finite for finite logits unless v is huge. Raises TypeError or ValueError naming the argument; RuntimeError where
    the target cannot run.
    """
    logits = features_of("logits", logits)
    features = logits.shape[2:]
    v = ones(features, sample(logits, inside(lengths, *logits.shape[:2])))
    if pos_weight is not None:
        v = matching("pos_weight", pos_weight, features, logits)
        not_negative("pos_weight", v)
    check = partial(not_negative, largest=1.0)
    return sum_over_features(element, logits, targets, v.reshape(1, -1), lengths, weights, reduction, check, target)
