"""The output layer y_t = g(W_yh h_t + b_y): a stage for cells that feed y back, and a layer of its own on any other.

g = identity, tanh, sigmoid, relu, or softmax over all outputs.
"""

from refseq.cell import Bias, Cell, Source
from refseq.cells.activated import activated
from refseq.primitives import ACTIVATIONS
from refseq.recurrence import Option, Recurrence
from refseq.stage import Product, Stage


def readout(operand: str, makes: str, activation: str, size: str) -> Stage:
    """The stage that makes y from this vector."""
    products = (Product("W_yh", operand, ("y",)),)
    if activation == "softmax":
        return Stage(("y",), products, (makes,), operation="softmax", size=size)
    return activated("y", products, makes, activation, size)


def build(activation: str) -> Cell:
    """An output layer by itself: no state but its last output, which it does not look at."""
    return Cell(
        name="output",
        options={"activation": activation},
        gates=("y",),
        state=("y",),
        stages=(readout("x", "y1", activation, "units"),),
        biases=(Bias("b_y", ("y",)),),
        source=Source("the output layer of every recurrent network; Elman (1990)", ("L0.1", "L2.2", "L3.5")),
    )


OUTPUT = Recurrence(
    name="output",
    title="output layer",
    build=build,
    options={"activation": Option((*ACTIVATIONS, "softmax"), "identity", "the function g of the outputs")},
)
