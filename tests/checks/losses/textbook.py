"""CTC as the paper has it: alpha and beta in the log domain, blanks and labels in one row of 2 L + 1 states."""

import numpy as np


class Textbook:
    """With respect to log-probabilities."""

    name, wrt = "textbook", "log_probs"

    def loss(self, x, targets, lengths, target_lengths, blank):
        return self._run(x, targets, lengths, target_lengths, blank, np.ones(len(targets), x.dtype))[0]

    def vjp(self, x, targets, lengths, target_lengths, blank, dloss):
        return self._run(x, targets, lengths, target_lengths, blank, dloss)[1]

    def _run(self, x, targets, lengths, target_lengths, blank, dloss):
        losses, gradient = np.zeros(len(targets), x.dtype), np.zeros_like(x)
        for b, n in enumerate(lengths):
            labels = targets[b, : target_lengths[b]]
            states = np.full(2 * len(labels) + 1, blank)
            states[1::2] = labels
            if n < len(labels) + (labels[1:] == labels[:-1]).sum() or not n:
                continue
            alpha, beta = (lattice(x[:n, b][::step], states[::step])[::step, ::step] for step in (1, -1))
            total = np.logaddexp.reduce(alpha[-1, -2:]) if len(states) > 1 else alpha[-1, 0]
            losses[b] = -total
            for s, k in enumerate(states):  # both have the emission
                gradient[:n, b, k] -= np.exp(alpha[:, s] + beta[:, s] - x[:n, b, k] - total) * dloss[b]
        return losses, gradient


def lattice(x, states):
    alpha = np.full((len(x), len(states)), -np.inf, x.dtype)
    alpha[0, :2] = x[0, states[:2]]
    for t in range(1, len(x)):
        for s, k in enumerate(states):
            skip = s > 1 and k != states[s - 2]
            before = alpha[t - 1, max(s - 2 if skip else s - 1, 0) : s + 1]
            alpha[t, s] = np.logaddexp.reduce(before) + x[t, k]
    return alpha
