"""PyTorch's losses as implementations to be judged."""

import numpy as np
import torch

from refseq.losses.ctc_rows import LOG_PROBS


class TorchCTC:
    """torch.nn.functional.ctc_loss, whose argument is log-probabilities; its gradient is what autograd gives for that
    argument. With zero_infinity: the loss of a target that no path spells is 0."""

    wrt = LOG_PROBS

    def __init__(self) -> None:
        self.name = f"torch {torch.__version__} ctc_loss"

    def _run(
        self, x: np.ndarray, targets: np.ndarray, lengths: np.ndarray, target_lengths: np.ndarray, blank: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        leaf = torch.tensor(x, requires_grad=True)
        labels = torch.tensor(np.where(targets < 0, 0, targets))  # padding
        counts = torch.tensor(lengths), torch.tensor(target_lengths)
        losses = torch.nn.functional.ctc_loss(leaf, labels, *counts, blank=blank, reduction="none", zero_infinity=True)
        return leaf, losses

    def loss(
        self, x: np.ndarray, targets: np.ndarray, lengths: np.ndarray, target_lengths: np.ndarray, blank: int
    ) -> np.ndarray:
        """See ``refseq.checks.losses.LossImplementation``."""
        return self._run(x, targets, lengths, target_lengths, blank)[1].detach().numpy()

    def vjp(
        self,
        x: np.ndarray,
        targets: np.ndarray,
        lengths: np.ndarray,
        target_lengths: np.ndarray,
        blank: int,
        dloss: np.ndarray,
    ) -> np.ndarray:
        """See ``refseq.checks.losses.LossImplementation``."""
        leaf, losses = self._run(x, targets, lengths, target_lengths, blank)
        (gradient,) = torch.autograd.grad(losses, leaf, torch.tensor(dloss))
        return gradient.numpy()
