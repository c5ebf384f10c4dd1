"""Jordan network: the output layer feeds back into the hidden layer.

h_t = f(W_hx x_t + W_hy y_{t-1} + b_h)
y_t = g(W_yh h_t + b_y),    g = identity, tanh, sigmoid, relu or softmax over the outputs
"""

from refseq.cell import Bias, Cell, Source
from refseq.cells.activated import activated
from refseq.cells.readout import readout
from refseq.primitives import ACTIVATIONS
from refseq.recurrence import Option, Recurrence, Size
from refseq.stage import Product


def build(activation: str, output: str, outputs: bool) -> Cell:
    """The Jordan cell; ``outputs``: whether y has a size of its own."""
    size = "outputs" if outputs else "units"
    products = (Product("W_hx", "x", ("h",)), Product("W_hy", "y", ("h",)))
    return Cell(
        name="jordan",
        options={"activation": activation, "output": output},
        gates=("h", "y"),
        state=("y",),
        stages=(activated("h", products, "h", activation), readout("h", "y1", output, size)),
        biases=(Bias("b_h", ("h",)), Bias("b_y", ("y",))),
        sizes={"y": size},
        source=Source(
            "M. I. Jordan, Serial order: a parallel distributed processing approach, UCSD 8604 (1986)", ("L1.4",)
        ),
    )


JORDAN = Recurrence(
    name="jordan",
    title="Jordan network",
    build=build,
    options={
        "activation": Option(tuple(ACTIVATIONS), "tanh", "the function f of the hidden layer"),
        "output": Option((*ACTIVATIONS, "softmax"), "tanh", "the function g of the outputs"),
        "outputs": Size(None, "entries of y; as many as units if not given", own=True, examples=(2,)),
    },
)
