"""Sizes of matrices: what one application can do (the norm), and what many do in the end (the spectral radius)."""

from typing import Any

import numpy as np

from refseq import arguments


def square(name: str, matrices: Any) -> np.ndarray:
    """Real square matrices in the last two axes. Raises TypeError or ValueError naming the argument."""
    if not isinstance(matrices, np.ndarray):
        raise TypeError(f"{name}: expected a numpy array, got {type(matrices).__name__}")
    if matrices.dtype.newbyteorder("=") not in (np.float32, np.float64):
        raise TypeError(f"{name}: expected dtype float32 or float64, got {matrices.dtype}")
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2] or not matrices.shape[-1]:
        raise ValueError(f"{name}: expected shape (..., n, n), got {matrices.shape}")
    return arguments.array(name, matrices, matrices.shape, None)


def spectral_radius(matrices: np.ndarray) -> np.ndarray:
    """max |eigenvalue| of matrices (..., n, n); the norm of the k-th power grows like its k-th power (Gelfand).

    Computed by LAPACK's QR algorithm, backward stable: exact for a matrix within a few eps * norm of the given one, so
    an eigenvalue of multiplicity m in one Jordan block is known to about (eps * norm)^(1/m) only.
    """
    return np.max(np.abs(np.linalg.eigvals(square("matrices", matrices))), axis=-1)


def spectral_norm(matrices: np.ndarray) -> np.ndarray:
    """The largest singular value of matrices (..., n, n): the largest factor by which a vector's length can grow."""
    return np.linalg.svd(square("matrices", matrices), compute_uv=False)[..., 0]
