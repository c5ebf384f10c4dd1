"""Parameters of a hidden Markov model: log-softmax of scores and its adjoint, what they may be; and perplexity."""

import math

import numpy as np

from refseq.arrays import Elsewhere, zeros
from refseq.markov import normal_rows
from refseq.primitives import complement, zero
from refseq.rowwise import run_rows

Arrays = dict[str, np.ndarray]
CONTINUOUS = ("mean", "log_variance")
"""Parameters that are no scores."""


def ones(like: np.ndarray) -> np.ndarray:
    """Ones in the number field of an array."""
    result = zeros(like.shape, like)
    if isinstance(like, Elsewhere):
        result[...] = 1
        return result
    for b in range(len(like)):
        result[b] = complement(zero(like[b]))
    return result


def normalised(a: np.ndarray, target: str) -> np.ndarray:
    """The log-softmax of every row; a vector is one row."""
    rows = a.reshape(-1, a.shape[-1])
    z = zeros(rows.shape, a)
    run_rows(normal_rows.build, (), len(rows), [rows], [z], target=target, units=rows.shape[1])
    return z.reshape(a.shape)


def unnormalised(a: np.ndarray, dz: np.ndarray, target: str) -> np.ndarray:
    """The adjoint of ``normalised``; a vector is one row."""
    rows = a.reshape(-1, a.shape[-1])
    da, given = zeros(rows.shape, a), [rows, dz.reshape(rows.shape)]
    run_rows(normal_rows.build_backward, (), len(rows), given, [da], target=target, units=rows.shape[1])
    return da.reshape(a.shape)


def some_finite(params: Arrays) -> None:
    """A finite score in every row, and no +inf; what is on a device is not looked at."""
    for name, value in params.items():
        if value.dtype == object or isinstance(value, Elsewhere):
            return
        bad = ~np.isfinite(np.max(value, axis=-1)) if name not in CONTINUOUS else ~np.isfinite(value).all(axis=-1)
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            wanted = "numbers or -inf, one of them finite" if name not in CONTINUOUS else "finite numbers"
            raise ValueError(f"params[{name!r}]: expected {wanted}, got {value[where]} at {where}")


def perplexity(log_likelihood: float, count: int) -> float:
    """exp(-log-likelihood per observation); inf where that overflows."""
    if count == 0:
        return 1.0
    mean = -log_likelihood / count
    return math.exp(mean) if mean < math.log(np.finfo(float).max) else (math.nan if math.isnan(mean) else math.inf)
