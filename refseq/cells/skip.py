"""Skip connections in time: the state of d steps ago enters as well.

h_t = f(W_hx x_t + W_hh h_{t-1} + W_hd h_{t-d} + b_h)

The states are the last d values of h: ``h``, ``h_2_back``, ..., ``h_d_back``. A run keeps all of them at every step,
T x B x d x H numbers, and each is an argument of the compiled loop: d is 256 at most, which compiles for a minute.
"""

from numba.extending import register_jitable

from refseq.cell import Bias, Cell, Source, new
from refseq.primitives import ACTIVATIONS, zero
from refseq.recurrence import Option, Recurrence, Size
from refseq.stage import Product, Stage


def build(activation: str, delay: int) -> Cell:
    """The skip cell that looks ``delay`` steps back."""
    value, slope = ACTIVATIONS[activation]
    state = ("h", *(f"h_{k}_back" for k in range(2, delay + 1)))
    kept = delay - 1

    @register_jitable
    def forward(a, s, p):
        (z,) = a
        return (value(z),) + s[:kept], ()  # noqa: RUF005 - numba has no star in a tuple of scalars

    @register_jitable
    def backward(tape, s, made, p, dmade):
        dz = dmade[0] * slope(made[0])
        return (dz,), dmade[1:] + (zero(dz),), ()  # noqa: RUF005

    products = (Product("W_hx", "x", ("h",)), Product("W_hh", "h", ("h",)), Product("W_hd", state[-1], ("h",)))
    return Cell(
        name="skip",
        options={"activation": activation, "delay": delay},
        gates=("h",),
        state=state,
        stages=(Stage(("h",), products, new(state), forward, backward),),
        biases=(Bias("b_h", ("h",)),),
        history=state[1:],
        source=Source(
            "T. Lin et al., Learning long-term dependencies in NARX recurrent neural networks, IEEE TNN 7 (1996), "
            "1329-1338",
            ("L4.7",),
        ),
    )


SKIP = Recurrence(
    name="skip",
    title="skip connections in time",
    build=build,
    options={
        "activation": Option(tuple(ACTIVATIONS), "tanh", "the function f"),
        "delay": Size(
            2, "d: how many steps back the second connection reaches", own=False, examples=(1, 2, 3), most=256
        ),
    },
)
