"""A cell that uses each block of its matrices, and the row of its bias, for two pre-activations."""

from numba.extending import register_jitable

from refseq.cell import Bias, Cell, Source
from refseq.layer import Layer
from refseq.primitives import tanh, tanh_slope
from refseq.stage import Product, Stage
from refseq.tuples import zeros_like


@register_jitable
def _forward(a, s, p):
    u, w = tanh(a[0]), tanh(a[1])
    return (u + w * u,), (u, w)


@register_jitable
def _backward(kept, s, made, p, dmade):
    u, w = kept
    (d,) = dmade
    return (d * (w * tanh_slope(u) + tanh_slope(u)), d * u * tanh_slope(w)), zeros_like(s), ()


def twice(inputs: int, units: int) -> Layer:
    """A layer of it: the two pre-activations differ by the old state alone."""
    products = tuple(Product("W_hx", "x", ("g",), (slot,)) for slot in ("u", "w"))
    products += tuple(Product("W_hh", "h", ("g", "k"), slots) for slots in (("u", "w"), ("w", "u")))
    stage = Stage(("u", "w"), products, ("h1",), _forward, _backward, ("tu", "tw"))
    bias = Bias("b_h", ("u", "w"), ("g", "g"))
    return Layer(Cell("twice", {}, ("g", "k"), ("h",), (stage,), Source("", ()), biases=(bias,)), inputs, units)
