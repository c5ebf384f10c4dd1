"""Real numbers: Python floats, as the ground that dual numbers stand on.

Floats are known to every primitive already; here are their derivatives, so that ``Dual(float, float)`` runs through a
layer and gives the derivative along a direction. As with balls, the laws are written from the input x by other formulas
than the slopes of ``refseq.primitives``, which use the output. None of them overflows or cancels:

    tanh'(x)    = 4 q / (1 + q)^2, q = exp(-2 |x|)      where 1 - tanh^2 loses all digits for large |x|
    sigmoid'(x) = q / (1 + q)^2,   q = exp(-|x|)
"""

import math

from refseq.fields.differential import register_derivatives


def _tanh(x: float, y: float) -> float:
    q = math.exp(-2.0 * abs(x))
    return 4.0 * q / (1.0 + q) ** 2


def _sigmoid(x: float, y: float) -> float:
    q = math.exp(-abs(x))
    return q / (1.0 + q) ** 2


def _log(x: float, y: float) -> float:
    return 1.0 / x if x else math.inf


def _sqrt(x: float, y: float) -> float:
    return 0.5 / math.sqrt(x) if x else math.inf


register_derivatives(
    float,
    {
        "tanh": _tanh,
        "sigmoid": _sigmoid,
        "relu": lambda x, y: 1.0 if not (x <= 0.0) else 0.0,  # a NaN counts as rising, as in the primitive
        "exp": lambda x, y: y,
        "log": _log,
        "sqrt": _sqrt,
        "clip": lambda x, bound: 1.0 if abs(x) < bound else 0.0,
    },
)
