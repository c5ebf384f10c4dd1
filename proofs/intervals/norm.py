"""A verified norm: how much a matrix can lengthen a vector, enclosed; and what it proves about gradients (L4.5)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from refseq import arguments
from refseq.dynamics.bounds import STEEPEST
from refseq.dynamics.spectrum import square

SLACK = 2.0**-40
"""How far the certified bound of a norm may be above the computed one, relatively."""


def is_positive_definite(matrix: np.ndarray) -> bool:
    """Whether every symmetric matrix in these balls (n, n) is positive definite, as shown by the pivots of Gauss. False
    where that is not shown."""
    rows = [list(row) for row in matrix]
    for k in range(len(rows)):
        pivot = rows[k][k]
        if not pivot > 0:
            return False
        for i in range(k + 1, len(rows)):
            ratio = rows[i][k] / pivot
            rows[i][k + 1 :] = [a - ratio * b for a, b in zip(rows[i][k + 1 :], rows[k][k + 1 :], strict=True)]
    return True


def norm_at_most(matrix: np.ndarray, bound: Any) -> bool:
    """Whether ||A||_2 < bound for every A in these balls: bound^2 I - A^T A is positive definite. S. M. Rump,
    Verification of positive definiteness, BIT 46 (2006), 433-452."""
    rest = -(matrix.T @ matrix)
    for k in range(len(rest)):
        rest[k, k] = rest[k, k] + arb(bound) ** 2
    return is_positive_definite(rest)


def norm_at_least(matrix: np.ndarray) -> arb:
    """A lower bound of ||A||_2: how much it lengthens the singular vector that floats find."""
    middles = np.array([[float(arb(x).mid()) for x in row] for row in matrix])
    v = np.linalg.svd(middles)[2][0]
    image = matrix @ np.array([arb(float(x)) for x in v])
    return (sum((x * x for x in image), arb(0)) / sum((arb(float(x)) ** 2 for x in v), arb(0))).sqrt()


@dataclass(frozen=True)
class VerifiedNorm:
    """``low`` <= ||A||_2 < ``high``, both proved."""

    low: float
    high: float


def verified_norm(matrix: np.ndarray) -> VerifiedNorm:
    """Enclose the spectral norm of a float matrix (n, n), or of balls.

    Raises ArithmeticError where 2^-40 above the computed norm is not proved to be a bound.
    """
    balls = matrix if matrix.dtype == object else np.array([[arb(float(x)) for x in row] for row in matrix], object)
    middles = np.array([[float(arb(x).mid()) for x in row] for row in balls])
    high = float(np.linalg.norm(middles, 2)) * (1 + SLACK) + float(np.finfo(float).tiny)
    if not norm_at_most(balls, high):
        raise ArithmeticError(f"matrix: its norm is not proved to be less than {high}")
    return VerifiedNorm(float(norm_at_least(balls).lower()), high)


def verified_gamma(W_hh: np.ndarray, activation: str) -> float:
    """A proved upper bound of sup |f'| ||W_hh||_2 of an Elman network, W_hh (n, n) or (1, n, n) floats: for every
    input, state and bias ||d h_t / d h_k|| <= gamma^(t-k), and below 1 it proves that gradients vanish (L4.5).

    Y. Bengio, P. Simard, P. Frasconi, IEEE Trans. Neural Networks 5 (1994), 157-166. Raises ValueError or TypeError
    naming the argument.
    """
    steepest = STEEPEST[arguments.choice("activation", activation, STEEPEST)]
    matrices = square("W_hh", W_hh)
    if matrices.size != matrices.shape[-1] ** 2:
        raise ValueError(f"W_hh: expected one matrix, got shape {matrices.shape}")
    return float((arb(steepest) * arb(verified_norm(matrices.reshape(matrices.shape[-2:])).high)).upper())
