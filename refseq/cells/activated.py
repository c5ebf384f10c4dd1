"""The simplest stage: an activation of the pre-activation, f(a). Elman, Jordan, the output layer and recursive nets."""

from numba.extending import register_jitable

from refseq.primitives import ACTIVATIONS
from refseq.stage import Product, Stage
from refseq.tuples import zeros_like


def activated(slot: str, products: tuple[Product, ...], makes: str, activation: str, size: str = "units") -> Stage:
    """The stage that makes f(a) of one pre-activation."""
    value, slope = ACTIVATIONS[activation]

    @register_jitable
    def forward(a, s, p):
        (z,) = a
        return (value(z),), ()

    @register_jitable
    def backward(kept, s, made, p, dmade):
        (y,) = made
        (dy,) = dmade
        return (dy * slope(y),), zeros_like(s), ()

    return Stage((slot,), products, (makes,), forward, backward, size=size)
