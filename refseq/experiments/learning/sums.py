"""The adding problem: S. Hochreiter, J. Schmidhuber, Neural Computation 9 (1997), section 5.4."""

import numpy as np

from refseq.losses import squared_error


def draw(rng: np.random.Generator, length: int, rows: int, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    """Numbers with two of them marked, one in each half, (T, B, 2); and the sum of these two (B,)."""
    x = np.zeros((length, rows, 2), dtype)
    x[:, :, 0] = rng.uniform(0, 1, (length, rows))
    marked = np.stack([rng.integers(0, length // 2, rows), rng.integers(length // 2, length, rows)])
    x[marked, np.arange(rows), 1] = 1
    return x, np.take_along_axis(x[:, :, 0], marked, axis=0).sum(axis=0)


def judge(y: np.ndarray, wanted: np.ndarray) -> tuple[float, np.ndarray, float]:
    """The squared error of the last output, its gradient in all of y (T, B, 1), and the error once more."""
    loss = squared_error(y[-1:], wanted.reshape(1, -1, 1))
    dy = np.zeros_like(y)
    dy[-1:] = loss.gradient
    return loss.value, dy, float(loss.value)
