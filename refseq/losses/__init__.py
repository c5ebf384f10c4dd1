"""Losses of a batch of sequences, each with its gradient with respect to the predictions.

    cross_entropy          logits (T, B, V), targets as indices (T, B) or distributions (T, B, V)
    binary_cross_entropy   logits and targets (T, B, ...)
    squared_error          predictions and targets (T, B, ...)
    perplexity             exp of the mean cross-entropy
    ctc_of_logits, ctc_of_log_probs    connectionist temporal classification: logits or log-probabilities (T, B, C),
                           labels (B, L) or in one row

All are time-major and share ``lengths`` (padding counts for nothing, whatever it holds), ``weights`` of the tokens and
``reduction`` (``refseq.losses.reduction``). ``Loss.gradient`` is what ``Layer.backward`` takes as ``dy``.
"""

from refseq.losses.binary_cross_entropy import binary_cross_entropy
from refseq.losses.cross_entropy import cross_entropy
from refseq.losses.ctc import SequenceLoss, ctc_of_log_probs, ctc_of_logits
from refseq.losses.loss import Loss
from refseq.losses.perplexity import perplexity
from refseq.losses.reduction import REDUCTIONS
from refseq.losses.squared_error import squared_error

__all__ = [
    "REDUCTIONS",
    "Loss",
    "SequenceLoss",
    "binary_cross_entropy",
    "cross_entropy",
    "ctc_of_log_probs",
    "ctc_of_logits",
    "perplexity",
    "squared_error",
]
