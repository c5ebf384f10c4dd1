"""Connectionist temporal classification (CTC; A. Graves, S. Fernandez, F. Gomez, J. Schmidhuber, ICML 2006; L1.20): the
loss of a sequence of labels without an alignment.

A path takes a class in every frame; it spells what is left of it after equal neighbours are made one and blanks are
taken out. With y_t(k) the probability of class k in frame t,

    loss = - log (sum over all paths that spell the target of the product over t of y_t(path_t))

    ctc_of_logits        y = softmax of what is given: the gradient is softmax - posterior
    ctc_of_log_probs     y = exp of what is given: the gradient is - posterior

where the posterior of class k in frame t is the probability that a path which spells the target takes k there. The two
differ: a gradient with respect to log-probabilities that goes on through log_softmax becomes the one of logits, as each
frame's posterior sums to 1. The formulas are in ``refseq.losses.ctc_rows``.
"""

from dataclasses import dataclass
from operator import mul
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import Elsewhere
from refseq.losses.ctc_rows import LOG_PROBS, LOGITS
from refseq.losses.ctc_sequences import VECTORS, sequences
from refseq.losses.ctc_targets import labels_of
from refseq.losses.loss import matching, not_negative, numbers, ones
from refseq.losses.reduction import REDUCTIONS, scales, weighed
from refseq.targets.visiting import guests

FEW = 64
INFEASIBLE = ("inf", "zero")
"""The loss of a target that no path spells."""


@dataclass(frozen=True, eq=False)
class SequenceLoss:
    """A loss of sequences: ``value``, its ``gradient`` with respect to the predictions (same shape), the loss of every
    sequence before the reduction, ``sequences`` (B,), 0 where it does not count, and the ``scale`` (B,) by which it
    entered."""

    value: Any
    gradient: np.ndarray
    sequences: np.ndarray
    scale: np.ndarray


@guests("logits")
def ctc_of_logits(
    logits: np.ndarray,
    targets: np.ndarray,
    *,
    lengths: Any = None,
    target_lengths: Any = None,
    blank: int = 0,
    weights: np.ndarray | None = None,
    reduction: str = "mean per token",
    infeasible: str = "inf",
    target: str = "cpu",
) -> SequenceLoss:
    """CTC of the softmax of logits (T, B, C), with its gradient with respect to the logits, softmax - posterior.

    targets         labels other than the blank: integers (B, L), or all in one row (sum of target_lengths,)
    lengths         None (T for all) or integers (B,), the frames of every row; beyond them the gradient is zero
    target_lengths  None (L for all) or integers (B,), 0 for the empty target, which only blanks spell
    blank           which class is the blank
    weights         None or numbers >= 0 (B,) of the dtype of the logits; rows of weight 0 do not count
    reduction       see ``refseq.losses.reduction``: tokens are labels, and an empty target counts as one, as in torch,
                    whose "mean" is "mean of sequence means"
    infeasible      the loss of a target that no path spells, as there are too few frames (a label each, and one between
                    equal neighbours) or a class that it needs has probability 0: "inf", or "zero". The gradient of such
                    a row is zero, and the row counts in the reduction all the same
    target          where it runs, see ``refseq.targets``

    A row without a frame spells the empty target, with loss 0. Padding is not read. A logit of -inf is a class that is
    ruled out; a difference of logits below -2^100 (float64: -2^1000) counts as that. NaN makes its own row NaN.
    Raises TypeError or ValueError naming the argument; RuntimeError where the target cannot run.
    """
    logits = _three("logits", logits)
    given = lengths, target_lengths, blank, weights, reduction, infeasible, target
    return _loss(LOGITS, logits, targets, *given)


@guests("log_probs")
def ctc_of_log_probs(
    log_probs: np.ndarray,
    targets: np.ndarray,
    *,
    lengths: Any = None,
    target_lengths: Any = None,
    blank: int = 0,
    weights: np.ndarray | None = None,
    reduction: str = "mean per token",
    infeasible: str = "inf",
    target: str = "cpu",
) -> SequenceLoss:
    """CTC of log-probabilities (T, B, C), with its gradient with respect to these, - posterior: 0 for a class that the
    target does not have.

    Arguments as in ``ctc_of_logits``. The log-probabilities are independent numbers here: nothing asks whether those of
    a frame belong to probabilities that sum to 1. (torch.nn.functional.ctc_loss is given log-probabilities too, and has
    the gradient of ``ctc_of_logits``.)
    """
    log_probs = _three("log_probs", log_probs)
    given = lengths, target_lengths, blank, weights, reduction, infeasible, target
    return _loss(LOG_PROBS, log_probs, targets, *given)


def _three(name: str, x: Any) -> np.ndarray:
    """Predictions (T, B, C)."""
    if type(x) is np.ndarray and x.dtype in VECTORS and x.ndim == 3 and x.flags.carray:
        return x  # the most frequent case, at once
    return numbers(name, x, ("T", "B", "C"))


def _loss(
    wrt: str,
    x: np.ndarray,
    targets: Any,
    lengths: Any,
    target_lengths: Any,
    blank: Any,
    weights: Any,
    reduction: str,
    infeasible: str,
    target: str,
) -> SequenceLoss:
    steps, rows, classes = x.shape
    arguments.integer(f"{wrt}: number of classes", classes, 1)
    arguments.choice("reduction", reduction, REDUCTIONS)
    arguments.choice("infeasible", infeasible, INFEASIBLE)
    blank = arguments.integer("blank", blank, 0)
    if blank >= classes:
        raise ValueError(f"blank: expected 0 <= blank < C = {classes}, got {blank}")
    frames = arguments.lengths(lengths, steps, rows)
    labels, begins, counts = labels_of(targets, target_lengths, rows, classes, blank)
    like = x if x.dtype.kind != "O" else x[np.arange(steps)[:, None] < frames[None, :]]
    scale, active = _scale(weights, reduction, counts, like)
    losses, gradient = sequences(wrt, x, frames, labels, begins, counts, blank, scale, like, infeasible, active, target)
    return SequenceLoss(_value(losses, scale), gradient, losses, scale)


def _value(losses: np.ndarray, scale: np.ndarray) -> Any:
    """The sum of scale * loss. Of few floats numpy's way would take longer than all of them."""
    if len(losses) > FEW or losses.dtype.kind != "f" or isinstance(losses, Elsewhere):
        return weighed(losses, scale)
    return losses.dtype.type(sum(map(mul, losses.tolist(), scale.tolist())))


def _scale(weights: Any, reduction: str, counts: np.ndarray, like: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The scale of every sequence, and which count (None: all)."""
    rows = len(counts)
    weight, active = np.ones(rows, like.dtype) if like.dtype.kind == "f" else ones((rows,), like), None
    if weights is not None:
        weight = matching("weights", weights, (rows,), like)
        not_negative("weights", weight)
        active = ~np.asarray(weight == 0, bool)
    if reduction == "sum":
        return weight, active
    tokens = np.maximum(counts, 1)
    number = ones((rows,), like)
    number = number * tokens if like.dtype == object else tokens.astype(like.dtype)
    every = np.ones(rows, bool) if active is None else active
    return scales(reduction, weight[None], number[None], every[None])[0], active
