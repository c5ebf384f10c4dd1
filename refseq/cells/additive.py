"""Additive unit: the recurrent matrix is the identity and its function linear, so that gradients pass unchanged.

h_t = h_{t-1} + f(W_hx x_t + b_h)
"""

from numba.extending import register_jitable

from refseq.cell import Bias, Cell, Source
from refseq.primitives import ACTIVATIONS
from refseq.recurrence import Option, Recurrence
from refseq.stage import Product, Stage


def build(activation: str) -> Cell:
    """The additive cell with this function of the input."""
    value, slope = ACTIVATIONS[activation]

    @register_jitable
    def forward(a, s, p):
        (z,) = a
        (h,) = s
        g = value(z)
        return (h + g,), (g,)

    @register_jitable
    def backward(kept, s, made, p, dmade):
        (g,) = kept
        (dh1,) = dmade
        return (dh1 * slope(g),), (dh1,), ()

    return Cell(
        name="additive",
        options={"activation": activation},
        gates=("h",),
        state=("h",),
        stages=(Stage(("h",), (Product("W_hx", "x", ("h",)),), ("h1",), forward, backward, ("g",)),),
        biases=(Bias("b_h", ("h",)),),
        source=Source(
            "T. Mikolov et al., Learning longer memory in recurrent neural networks, arXiv:1412.7753, with alpha = 1",
            ("L4.8",),
        ),
    )


ADDITIVE = Recurrence(
    name="additive",
    title="additive unit",
    build=build,
    options={"activation": Option(tuple(ACTIVATIONS), "tanh", "the function f of the input")},
)
