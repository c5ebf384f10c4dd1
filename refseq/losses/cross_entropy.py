"""Softmax cross-entropy: the negative log-likelihood of the target under the softmax of the logits (L3.5).

    loss = - sum_c q_c log p_c        p = softmax(logits)        q_c = w_c ((1 - s) y_c + s / V)
    dloss/dlogits = (sum_c q_c) p - q

with the target y (1 at the target's index, or a given distribution), class weights w and label smoothing s (C. Szegedy
et al., CVPR 2016, section 7; weights as in torch). Written about the pivot m, the largest logit,

    -log p_c = (a_m - a_c) + log1p(rest)         p_m - 1 = -rest / (1 + rest)

so that nothing overflows, a nearly certain prediction keeps its relative accuracy, and saturated gradients are exact.
"""

from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import Elsewhere, read, zeros
from refseq.losses.cross_entropy_rows import DISTRIBUTION, INDEX, SMOOTHED, build
from refseq.losses.loss import Loss, inside, matching, not_negative, numbers, one, ones, reduced, sample, token_weights
from refseq.losses.reduction import REDUCTIONS, scales
from refseq.losses.tokens import over_tokens
from refseq.targets.visiting import guests


@guests("logits", "targets")
def cross_entropy(
    logits: np.ndarray,
    targets: np.ndarray,
    *,
    lengths: Any = None,
    weights: np.ndarray | None = None,
    ignore_index: int | None = None,
    reduction: str = "mean per token",
    label_smoothing: Any = 0,
    class_weights: np.ndarray | None = None,
    target: str = "cpu",
) -> Loss:
    """Softmax cross-entropy of logits (T, B, V), with its gradient.

    targets          integers (T, B) in 0..V-1, or distributions (T, B, V) of the dtype of the logits
    lengths          None (T for all) or integers (B,); beyond a row's length loss and gradient are exactly zero
    weights          None, a mask of True and False (T, B), or numbers >= 0 of the dtype of the logits
    ignore_index     integer targets of this value do not count
    reduction        see ``refseq.losses.reduction``; a token's count is the class weight of its target, sum_c w_c y_c
    label_smoothing  s in [0, 1]
    class_weights    (V,), numbers >= 0
    target           where it runs, see ``refseq.targets``

    Losses and gradients are finite for finite logits, unless the difference of two logits overflows. A logit of -inf is
    a class that is ruled out: a loss of inf if it is the target, else as if it was not there.
    Of probabilities y > 0, the outputs of a layer that ends in a softmax, take log(y) as logits, and gradient / y as
    the cotangent of y.
    As in torch; but torch's mean divides by the number of tokens when targets are distributions and class weights are
    given, so that its loss of a distribution of one class is not that of the index.
    Raises TypeError or ValueError naming the argument; RuntimeError where the target cannot run.
    """
    logits = numbers("logits", logits, ("T", "B", "V"))
    steps, rows, classes = logits.shape
    arguments.integer("logits: number of classes", classes, 1)
    arguments.choice("reduction", reduction, REDUCTIONS)
    counted = inside(lengths, steps, rows)
    indexed = isinstance(targets, np.ndarray) and targets.ndim == 2
    if not indexed and ignore_index is not None:
        raise ValueError("ignore_index: targets are distributions; leave tokens out by weights")
    if indexed and ignore_index is not None:
        counted &= targets != arguments.integer("ignore_index", ignore_index, np.iinfo(np.int64).min)
    like = sample(logits, counted)
    w = ones((classes,), like)
    if class_weights is not None:
        w = matching("class_weights", class_weights, (classes,), like)
        not_negative("class_weights", w)
    weight, active = token_weights(weights, counted, like)
    kind, index, y, counts = _targets(targets, active, w, logits, like, reduction)
    if kind == INDEX and not (isinstance(label_smoothing, (int, float)) and label_smoothing == 0):
        kind = SMOOTHED
    smoothing = _smoothing(label_smoothing, classes, like)
    scale = scales(reduction, weight, counts, active)
    flat = (steps * rows, classes)
    given = (logits.reshape(flat), index.reshape(-1), y.reshape(-1, classes), w.reshape(1, classes), scale.reshape(-1))
    tokens, gradient = over_tokens(build, (), *given, like, kind, smoothing, target)
    return reduced(gradient.reshape(logits.shape), tokens.reshape(steps, rows), scale)


def _targets(
    targets: Any, active: np.ndarray, w: np.ndarray, logits: np.ndarray, like: np.ndarray, reduction: str
) -> tuple:
    """The kind of targets, a class for every token (-1: it does not count), distributions, and the counts of tokens."""
    steps, rows, classes = logits.shape
    if not isinstance(targets, np.ndarray | Elsewhere):
        raise TypeError(f"targets: expected a numpy array, got {type(targets).__name__}")
    if targets.ndim != 2:
        y = matching("targets", targets, logits.shape, logits)
        not_negative("targets", y, active)
        asked = reduction != "sum" or not isinstance(y, Elsewhere)  # else nobody reads the device
        counts = _expected_weight(y, w, active, like) if asked else zeros(active.shape, like)
        return DISTRIBUTION, np.where(active, 0, -1), y, counts
    if targets.dtype.kind not in "iu":
        raise TypeError(f"targets: expected integers (T, B), or distributions (T, B, V); got dtype {targets.dtype}")
    index = arguments.array("targets", targets, (steps, rows), None)
    bad = active & ((index < 0) | (index >= classes))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"targets: expected 0 <= target < V = {classes}, got {index[where]} at {where}")
    index = np.where(active, index, 0).astype(np.int64)
    return INDEX, np.where(active, index, -1), zeros((0, classes), like), w[index]


def _expected_weight(y: np.ndarray, w: np.ndarray, active: np.ndarray, like: np.ndarray) -> np.ndarray:
    """sum_c w_c y_c of the tokens that count; 0 elsewhere, whatever is there."""
    counts = zeros(active.shape, like)
    given = read(y)
    weighted = given if active.all() else given[active]
    if like.dtype == object or not np.all(w == 1):  # else one pass over memory less
        weighted = weighted * w
    counts[active] = weighted.sum(axis=-1).reshape(-1)
    return counts


def _smoothing(s: Any, classes: int, like: np.ndarray) -> np.ndarray:
    """(1 - s, s/V) in the field of the logits."""
    if like.dtype != object:
        if not 0 <= arguments.number("label_smoothing", s) <= 1:
            raise ValueError(f"label_smoothing: expected a number in [0, 1], got {s}")
        return np.array([1 - s, s / classes], like.dtype)
    result = np.empty(2, object)
    result[:] = [one(like) - s, one(like) * s / classes]
    return result
