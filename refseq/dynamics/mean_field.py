"""Mean-field theory of wide Elman networks with W_hh ~ N(0, gain/n): what happens to second moments in one step.

    q' = gain E f(sqrt(q) z)^2 + bias^2      z ~ N(0, 1); q is the second moment of a pre-activation
    chi(q) = gain E f'(sqrt(q) z)^2          by this a small change of the state, or a gradient, grows in one step

Exact for n -> infinity where the weights of every step are drawn anew; with the same weights at every step it holds for
n -> infinity at fixed T. chi = 1 is the edge: below it gradients vanish, above they explode. B. Poole et al.,
Exponential expressivity in deep neural networks through transient chaos, NeurIPS 2016; S. Schoenholz et al., ICLR 2017.
The function f and its slope are refseq's own primitives.
"""

from typing import Any

import numpy as np
from scipy.optimize import brentq

from refseq import arguments
from refseq.primitives import ACTIVATIONS

# an even number of nodes, in pairs around 0: what relu leaves of a square is then exactly half
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(200)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
TINY = 1e-9


def _moments(activation: str, q: float) -> tuple[float, float]:
    """E f^2 and E f'^2 at a Gaussian pre-activation of variance q."""
    value, slope = ACTIVATIONS[arguments.choice("activation", activation, ACTIVATIONS)]
    if arguments.number("q", q) < 0:
        raise ValueError(f"q: expected a variance, at least 0, got {q}")
    points = [value(float(z)) for z in np.sqrt(q) * NODES]
    squares = np.array([[y**2, slope(y) ** 2] for y in points])
    first, second = WEIGHTS @ squares
    return float(first), float(second)


def next_moment(activation: str, gain: float, q: float, bias: float = 0.0) -> float:
    """The second moment of the pre-activation one step later."""
    return arguments.number("gain", gain) * _moments(activation, q)[0] + bias**2


def fixed_point(activation: str, gain: float, bias: float = 0.0) -> float:
    """The q > 0 that a step leaves as it is; 0 where second moments below ``TINY`` die out and nothing keeps them up.

    For tanh and sigmoid, whose q'/q falls with q, there is one at most, and every q > 0 is drawn to it. Raises
    ValueError where second moments grow beyond all bounds, as for relu at gain > 2.
    """

    def change(q: float) -> float:
        return next_moment(activation, gain, q, bias) - q

    if change(TINY) <= 0:
        return 0.0
    high = 1.0
    while change(high) > 0:
        high *= 2
        if high > 1e12:
            raise ValueError(f"gain: expected one with a fixed point, {activation} has none at {gain:g}")
    found: Any = brentq(change, TINY, high)
    return float(found)


def growth(activation: str, gain: float, q: float = 1.0) -> float:
    """chi(q): the factor of a gradient's second moment in one step, at pre-activations of variance q. For relu and the
    identity it does not depend on q, and is that of the activations as well: gain/2 and gain."""
    return arguments.number("gain", gain) * _moments(activation, q)[1]
