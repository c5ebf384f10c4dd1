"""All primitives at once, compiled and as plain Python, for the tests of primitives."""

from numba import njit, typeof

from refseq.primitives import (
    complement,
    exp,
    exp_slope,
    identity,
    identity_slope,
    log,
    log1p,
    log_slope,
    relu,
    relu_slope,
    sigmoid,
    sigmoid_slope,
    sqrt,
    tanh,
    tanh_slope,
    zero,
)

PAIRS = {
    "tanh": (tanh, tanh_slope),
    "sigmoid": (sigmoid, sigmoid_slope),
    "relu": (relu, relu_slope),
    "identity": (identity, identity_slope),
    "exp": (exp, exp_slope),
    "log": (log, log_slope),
}
"""Value and slope of every primitive that has a slope."""

PRIMITIVES = {
    **{name: value for name, (value, _) in PAIRS.items()},
    **{f"{name}_slope": slope for name, (_, slope) in PAIRS.items()},
    "log1p": log1p,
    "sqrt": sqrt,
    "zero": zero,
    "complement": complement,
}


@njit
def _every(x):
    values = tanh(x), sigmoid(x), relu(x), identity(x), exp(x), log(x)
    slopes = tanh_slope(x), sigmoid_slope(x), relu_slope(x), identity_slope(x), exp_slope(x), log_slope(x)
    return (*values, *slopes, log1p(x), sqrt(x), zero(x), complement(x))


def compiled(name: str):
    """The primitive as numba compiles it, for one number; its type is that of the argument."""
    place = list(PRIMITIVES).index(name)
    return lambda x: type(x)(_every(x)[place])


def compiled_types(x) -> dict[str, object]:
    """The numba type that each primitive returns for a number like x."""
    _every(x)
    signature = next(s for s in _every.nopython_signatures if s.args == (typeof(x),))
    return dict(zip(PRIMITIVES, signature.return_type, strict=True))
