"""Other ways to write the same layer: lectures and libraries differ in the shape of what they call x and W.

    h_t = f(W_hh h_{t-1} + W_hx x_t + b_h)                   refseq: columns, one matrix for each operand
    h_t = f(W_a [h_{t-1}; x_t] + b_h)                        merged: one matrix (lecture id L3.2)
    H_t = f(W_hh H_{t-1} + W_hx X_t + b_h)                   X_t (n_x, m): the batch in columns (L3.3)
    h_t = f(h_{t-1} W_hh + x_{t-1} W_xh + b_h)               rows, and the input of one step before (L2.2)

Each function only moves numbers, and is exact. Its adjoint, for gradients, is its inverse, which stands beside it: a
gradient in one form is the same function of the gradient in the other. Results share no memory with arguments.
"""

import numpy as np

from refseq import arguments
from refseq.arrays import zeros


def delayed(x: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The input of one step before: x'_0 = first, x'_t = x_{t-1}. x (T, B, I), T >= 1; first (B, I).

    A layer on ``delayed(x, first)`` is the RNN whose h_t is made of x_{t-1}. The last input is not used. Raises
    ValueError or TypeError naming the argument.
    """
    x = arguments.array("x", x, ("T", "B", "I"), None)
    first = arguments.array("first", first, x.shape[1:], x.dtype)
    if not len(x):
        raise ValueError("x: expected at least one time step, got 0")
    return np.concatenate([first[None], x[:-1]])


def delayed_backward(d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The adjoint of ``delayed``: the cotangents of x, 0 for its last step, and of first."""
    d = arguments.array("d", d, ("T", "B", "I"), None)
    if not len(d):
        raise ValueError("d: expected at least one time step, got 0")
    return np.concatenate([d[1:], zeros(d[:1].shape, d)]), d[0].copy()


def merged(W_hh: np.ndarray, W_hx: np.ndarray) -> np.ndarray:
    """W_a = [W_hh W_hx] (G, H, N+I), to be applied to [h; x], of W_hh (G, H, N) and W_hx (G, H, I). Raises ValueError
    or TypeError naming the argument."""
    W_hh = arguments.array("W_hh", W_hh, ("G", "H", "N"), None)
    W_hx = arguments.array("W_hx", W_hx, (*W_hh.shape[:2], "I"), W_hh.dtype)
    return np.concatenate([W_hh, W_hx], axis=2)


def parted(W_a: np.ndarray, recurrent: int) -> tuple[np.ndarray, np.ndarray]:
    """W_hh, the first ``recurrent`` columns of W_a, and W_hx, the others: the inverse and the adjoint of ``merged``.
    Raises ValueError or TypeError naming the argument."""
    W_a = arguments.array("W_a", W_a, ("G", "H", "N+I"), None)
    if arguments.integer("recurrent", recurrent, 0) > W_a.shape[2]:
        raise ValueError(f"recurrent: expected at most the {W_a.shape[2]} columns of W_a, got {recurrent}")
    return W_a[:, :, :recurrent].copy(), W_a[:, :, recurrent:].copy()


def columns(x: np.ndarray) -> np.ndarray:
    """Inputs, outputs or states with the batch in columns: (T, B, n) becomes (T, n, B), whose entry t is the lectures'
    x (n_x, m) with one column for each of the m sequences. Its own inverse and adjoint. Raises ValueError or TypeError
    naming the argument."""
    return _transposed("x", x)


def rows(W: np.ndarray) -> np.ndarray:
    """The matrices for the row form h W: W_hx (G, H, I) becomes W_xh (G, I, H), and x_t W_xh = (W_hx x_t)^T. Its own
    inverse and adjoint. Raises ValueError or TypeError naming the argument."""
    return _transposed("W", W)


def _transposed(name: str, array: np.ndarray) -> np.ndarray:
    return arguments.array(name, array, ("first", "second", "third"), None).swapaxes(1, 2).copy()
