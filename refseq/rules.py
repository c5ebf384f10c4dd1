"""The primitives' rules for floats and complex numbers that need more than one operation.

A rule takes ``(x, one)``, where ``one`` is 1 in the precision of ``x``. The names say for what it is: ``real_``,
``complex_``; ``python_`` outside numba, where ``math`` raises at overflow instead of returning inf or nan.
"""

import cmath
import math


def real_sigmoid(x, one):
    """1/(1 + e^-x); only the exponential of a negative number is taken, so nothing overflows."""
    if x >= one - one:
        return one / (one + math.exp(-x))
    z = math.exp(x)
    return z / (one + z)


def complex_sigmoid(x, one):
    if x.real >= 0:
        return one / (one + cmath.exp(-x))
    z = cmath.exp(x)
    return z / (one + z)


def python_exp(x, one):
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def python_log(x, one):
    if x > 0:
        return math.log(x)
    return -math.inf if x == 0 else math.nan


def python_sqrt(x, one):
    return math.sqrt(x) if not x < 0 else math.nan


def python_log1p(x, one):
    return math.log1p(x) if x > -one else python_log(one + x, one)


def complex_log1p(x, one):
    """The rounding of 1 + x is undone by x / ((1 + x) - 1). D. Goldberg, ACM Computing Surveys 23 (1991), theorem 4."""
    u = one + x
    return x if u == one else cmath.log(u) * x / (u - one)


def real_relu(x, one):
    # "not <=" and not ">": a NaN must stay a NaN
    return x if not (x <= one - one) else one - one


def complex_relu(x, one):
    return x if not (x.real <= 0) else one - one


def real_relu_slope(y, one):
    return one if not (y <= one - one) else one - one


def complex_relu_slope(y, one):
    return one if not (y.real <= 0) else one - one


def real_clip(x, bound, one):
    # "not <=" and not ">": a NaN must stay a NaN
    if x.real >= bound.real:
        return bound
    return -bound if x.real <= -bound.real else x


def real_clip_slope(y, bound, one):
    return one if not (y.real >= bound.real or y.real <= -bound.real) else one - one
