"""Real balls: python-flint's arb, an interval [mid - rad, mid + rad] that provably holds the true value.

Derivatives are written from the input x by other formulas than the slopes of ``refseq.primitives`` (which use the
output), so that an error in a slope cannot hide in the oracle as well. At x = 0 relu's slope is taken as 0, as every
framework does; where a ball straddles 0 it is the enclosure [0, 1].
"""

from collections.abc import Iterator
from contextlib import contextmanager

import flint
from flint import arb

from refseq.fields.differential import register_derivatives
from refseq.primitives import register_field


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Compute with this many bits inside the block."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def _sigmoid(x: arb) -> arb:
    return 1 / (1 + (-x).exp())


def _relu(x: arb) -> arb:
    if x > 0:
        return x
    return arb(0) if x <= 0 else (x + abs(x)) / 2


def _step(x: arb) -> arb:
    if x > 0:
        return arb(1)
    if x <= 0:
        return arb(0)
    return arb(0.5, 0.5)


def _clip(x: arb, bound: arb) -> arb:
    if -bound < x < bound:
        return x
    if x >= bound or x <= -bound:
        return bound if x >= bound else -bound
    return (abs(x + bound) - abs(x - bound)) / 2


def _inside(x: arb, bound: arb) -> arb:
    """1 where x is inside the bounds, 0 outside and on them, [0, 1] where that is not known."""
    if -bound < x < bound:
        return arb(1)
    if x >= bound or x <= -bound:
        return arb(0)
    return arb(0.5, 0.5)


register_field(
    arb,
    {
        "tanh": arb.tanh,
        "sigmoid": _sigmoid,
        "relu": _relu,
        "exp": arb.exp,
        "log": arb.log,
        "log1p": arb.log1p,
        "sqrt": arb.sqrt,
        "order": arb.mid,
    },
    step=lambda y: arb(1) if y > 0 else arb(0),
    clipped=_clip,
    inside=_inside,
    number=lambda x, value: arb(value),
)
register_derivatives(
    arb,
    {
        "tanh": lambda x, y: 1 / x.cosh() ** 2,
        "sigmoid": lambda x, y: 1 / (2 * (x / 2).cosh()) ** 2,
        "relu": lambda x, y: _step(x),
        "exp": lambda x, y: x.exp(),
        "log": lambda x, y: 1 / x,
        "sqrt": lambda x, y: x.rsqrt() / 2,
        "clip": _inside,
    },
)
