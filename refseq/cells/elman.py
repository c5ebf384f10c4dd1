"""Simple recurrent network: the hidden layer feeds back into itself.

h_t = f(W_hh h_{t-1} + W_hx x_t + b_h),    f = tanh, relu, sigmoid or the identity
"""

from numba.extending import register_jitable

from refseq.cell import Cell, Source, one_stage
from refseq.primitives import ACTIVATIONS, zero
from refseq.recurrence import Option, Recurrence


def build(activation: str) -> Cell:
    """The Elman cell with this activation."""
    value, slope = ACTIVATIONS[activation]

    @register_jitable
    def forward(a, s, p):
        (z,) = a
        return (value(z),), ()

    @register_jitable
    def backward(tape, s, s1, p, ds1):
        (h1,) = s1
        (dh1,) = ds1
        return (dh1 * slope(h1),), (zero(dh1),), ()

    return one_stage(
        name="elman",
        options={"activation": activation},
        gates=("h",),
        state=("h",),
        tape=(),
        forward=forward,
        backward=backward,
        source=Source("J. L. Elman, Finding structure in time, Cognitive Science 14 (1990), 179-211", ("L0.1", "L1.4")),
    )


ELMAN = Recurrence(
    name="elman",
    title="Elman network",
    build=build,
    options={"activation": Option(tuple(ACTIVATIONS), "tanh", "the function f of the hidden layer")},
)
