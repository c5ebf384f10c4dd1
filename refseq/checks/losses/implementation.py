"""What a foreign loss offers to be judged, and refseq's own in that shape."""

from typing import Protocol

import numpy as np

from refseq.losses.ctc_rows import LOG_PROBS, LOGITS
from refseq.losses.ctc_sequences import sequences
from refseq.losses.ctc_targets import labels_of
from refseq.losses.loss import ones

FORMS = (LOGITS, LOG_PROBS)
"""What a loss may be given."""


class LossImplementation(Protocol):
    """Connectionist temporal classification made by somebody.

    x (T, B, C) is what ``wrt`` says: "logits" or "log_probs". targets (B, L) are padded by -1, of which each row's
    first ``target_lengths`` count; lengths (B,) are the frames of every row. The loss of a row whose target no path
    spells is 0, as is its gradient. Neither function may change its arguments; both may raise
    ``refseq.checks.NotOffered``.
    """

    name: str
    """Shown in tables, with the version where there is one."""
    wrt: str
    """What x is, and so what the gradient should be with respect to."""

    def loss(
        self, x: np.ndarray, targets: np.ndarray, lengths: np.ndarray, target_lengths: np.ndarray, blank: int
    ) -> np.ndarray:
        """The loss of every row (B,)."""
        ...

    def vjp(
        self,
        x: np.ndarray,
        targets: np.ndarray,
        lengths: np.ndarray,
        target_lengths: np.ndarray,
        blank: int,
        dloss: np.ndarray,
    ) -> np.ndarray:
        """The gradient of sum(dloss * loss) with respect to x, (T, B, C)."""
        ...


class OwnCTC:
    """refseq's loss on one of its targets."""

    def __init__(self, wrt: str = LOG_PROBS, target: str = "cpu") -> None:
        self.wrt, self.target, self.name = wrt, target, f"refseq {target}"

    def loss(
        self, x: np.ndarray, targets: np.ndarray, lengths: np.ndarray, target_lengths: np.ndarray, blank: int
    ) -> np.ndarray:
        """See ``LossImplementation.loss``."""
        return self._run(x, targets, lengths, target_lengths, blank, ones((len(targets),), x))[0]

    def vjp(
        self,
        x: np.ndarray,
        targets: np.ndarray,
        lengths: np.ndarray,
        target_lengths: np.ndarray,
        blank: int,
        dloss: np.ndarray,
    ) -> np.ndarray:
        """See ``LossImplementation.vjp``."""
        return self._run(x, targets, lengths, target_lengths, blank, dloss)[1]

    def _run(
        self,
        x: np.ndarray,
        targets: np.ndarray,
        lengths: np.ndarray,
        target_lengths: np.ndarray,
        blank: int,
        scale: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        labels, begins, counts = labels_of(targets, target_lengths, len(targets), x.shape[2], blank)
        return sequences(self.wrt, x, lengths, labels, begins, counts, blank, scale, x, "zero", None, self.target)
