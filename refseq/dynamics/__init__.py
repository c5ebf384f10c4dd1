"""Dynamics of recurrent layers: how states and gradients grow or die over time.

    jacobians  d s_t / d s_{t-1} along a run, blocks of it, products over time
    decay      norms of gradients by time
    bounds     when a norm proves that gradients vanish
    spectrum   spectral radius and norm
    lyapunov   Lyapunov exponents
    mean_field what wide random networks do to second moments in a step

A layer in two directions is no recursion forward in time, and is refused.
"""

from refseq.dynamics.bounds import Gamma, gamma, gamma_bound
from refseq.dynamics.decay import delta_norms, gradient_norms
from refseq.dynamics.jacobians import StateJacobians, state_jacobians, transition_norms
from refseq.dynamics.lyapunov import Lyapunov, exponents_of, lyapunov_exponents
from refseq.dynamics.mean_field import fixed_point, growth, next_moment
from refseq.dynamics.spectrum import spectral_norm, spectral_radius

__all__ = [
    "Gamma",
    "Lyapunov",
    "StateJacobians",
    "delta_norms",
    "exponents_of",
    "fixed_point",
    "gamma",
    "gamma_bound",
    "gradient_norms",
    "growth",
    "lyapunov_exponents",
    "next_moment",
    "spectral_norm",
    "spectral_radius",
    "state_jacobians",
    "transition_norms",
]
