"""Losses of a batch of sequences, each with its gradient with respect to the predictions.

    cross_entropy          logits (T, B, V), targets as indices (T, B) or distributions (T, B, V)
    binary_cross_entropy   logits and targets (T, B, ...)
    squared_error          predictions and targets (T, B, ...)
    perplexity             exp of the mean cross-entropy

All are time-major and share ``lengths`` (padding counts for nothing, whatever it holds), ``weights`` of the tokens and
``reduction`` (``refseq.losses.reduction``). ``Loss.gradient`` is what ``Layer.backward`` takes as ``dy``.
"""

from refseq.losses.binary_cross_entropy import binary_cross_entropy
from refseq.losses.cross_entropy import cross_entropy
from refseq.losses.loss import Loss
from refseq.losses.perplexity import perplexity
from refseq.losses.reduction import REDUCTIONS
from refseq.losses.squared_error import squared_error

__all__ = ["REDUCTIONS", "Loss", "binary_cross_entropy", "cross_entropy", "perplexity", "squared_error"]
