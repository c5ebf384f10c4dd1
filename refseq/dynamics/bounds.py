"""What a norm proves about vanishing and exploding gradients (L4.5).

    d s_t / d s_k = J_t ... J_{k+1},    hence    ||d s_t / d s_k|| <= ||J_t|| ... ||J_{k+1}|| <= gamma^(t-k)

with gamma = max ||J_tau||_2 along the run. One half is a theorem, the other only half of one:

    gamma < 1   proves vanishing: a loss at time t moves what was used at time k by a factor of gamma^(t-k) at most.
    gamma > 1   is necessary for exploding, and not sufficient: (0.5 10; 0 0.5) has norm 10.02, and its powers vanish.

For an Elman network J_t = diag(f'(z_t)) W_hh, so that gamma <= sup |f'| ||W_hh||_2 for every run: Y. Bengio, P. Simard,
P. Frasconi, IEEE Trans. Neural Networks 5 (1994), 157-166; R. Pascanu, T. Mikolov, Y. Bengio, ICML 2013, section 2.1.
"""

from dataclasses import dataclass

import numpy as np

from refseq import arguments
from refseq.dynamics.jacobians import StateJacobians
from refseq.dynamics.spectrum import spectral_norm, square

STEEPEST = {"tanh": 1.0, "sigmoid": 0.25, "relu": 1.0, "identity": 1.0}
"""sup |f'|, taken at 0 by tanh and sigmoid."""


@dataclass(frozen=True)
class Gamma:
    """``value``: the largest norm, raised by its own rounding error, so that it is an upper bound. ``vanishing``: it is
    below 1, which proves ||d s_t / d s_k|| <= value^(t-k). Otherwise it proves nothing."""

    value: float

    @property
    def vanishing(self) -> bool:
        """Whether vanishing is proven."""
        return self.value < 1.0

    def bound(self, distance: int) -> float:
        """The upper bound value^distance of ||d s_t / d s_k||, distance = t - k."""
        return self.value ** arguments.integer("distance", distance, 0)


def _upper(matrices: np.ndarray) -> float:
    """The largest spectral norm, not rounded down. The computed singular value is that of a matrix A + E with
    ||E|| <= p(n) eps ||A||, p a modest polynomial (LAPACK Users' Guide, 4.9); p(n) = 8 n is generous in practice."""
    largest = float(np.max(spectral_norm(matrices), initial=0.0))  # NaN stays NaN
    return largest * (1.0 + 8 * matrices.shape[-1] * float(np.finfo(matrices.dtype).eps))


def gamma(jacobians: StateJacobians) -> Gamma:
    """The largest ||J_t||_2 along a run, of each row's own steps: t and k of the bound are steps within its length."""
    own = np.arange(len(jacobians.matrices))[:, None] < jacobians.lengths
    return Gamma(_upper(jacobians.matrices[own]))


def gamma_bound(W_hh: np.ndarray, activation: str) -> Gamma:
    """sup |f'| ||W_hh||_2 for an Elman network, W_hh (n, n) or (1, n, n): good for every input, state and bias.

    Raises ValueError for an activation that is not tanh, sigmoid, relu or identity, or for several gates.
    """
    steepest = STEEPEST[arguments.choice("activation", activation, STEEPEST)]
    matrices = square("W_hh", W_hh)
    if matrices.size != matrices.shape[-1] ** 2:
        raise ValueError(f"W_hh: expected one matrix, got shape {matrices.shape}")
    return Gamma(steepest * _upper(matrices))
