"""Simple recurrent network: the hidden layer feeds back into itself.

h_t = f(W_hh h_{t-1} + W_hx x_t + b_h),    f = tanh, relu, sigmoid or the identity
"""

from refseq.cell import Bias, Cell, Source
from refseq.cells.activated import activated
from refseq.primitives import ACTIVATIONS
from refseq.recurrence import Option, Recurrence
from refseq.stage import Product


def build(activation: str) -> Cell:
    """The Elman cell with this activation."""
    products = (Product("W_hx", "x", ("h",)), Product("W_hh", "h", ("h",)))
    return Cell(
        name="elman",
        options={"activation": activation},
        gates=("h",),
        state=("h",),
        stages=(activated("h", products, "h1", activation),),
        biases=(Bias("b_h", ("h",)),),
        source=Source("J. L. Elman, Finding structure in time, Cognitive Science 14 (1990), 179-211", ("L0.1", "L1.4")),
    )


ELMAN = Recurrence(
    name="elman",
    title="Elman network",
    build=build,
    options={"activation": Option(tuple(ACTIVATIONS), "tanh", "the function f of the hidden layer")},
)
