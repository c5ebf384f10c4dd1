"""Long short-term memory with a forget gate.

i_t = sigmoid(W_hx[i] x_t + W_hh[i] h_{t-1} + b_h[i])      likewise f_t, o_t
g_t = tanh(W_hx[g] x_t + W_hh[g] h_{t-1} + b_h[g])
c_t = f_t * c_{t-1} + i_t * g_t
h_t = o_t * tanh(c_t)
"""

from functools import cache

from numba.extending import register_jitable

from refseq.cell import Cell, Recurrence, Source
from refseq.primitives import sigmoid, sigmoid_slope, tanh, tanh_slope, zero


@register_jitable
def forward(a, s, p):
    """Gates, then the memory, then the output of one unit."""
    ai, af, ag, ao = a
    h, c = s
    i = sigmoid(ai)
    f = sigmoid(af)
    g = tanh(ag)
    o = sigmoid(ao)
    c1 = f * c + i * g
    return (o * tanh(c1), c1), (i, f, g, o)


@register_jitable
def backward(tape, s, s1, p, ds1):
    """The adjoint of forward; tanh(c1) is cheaper to take again than to store."""
    i, f, g, o = tape
    h, c = s
    h1, c1 = s1
    dh1, dc1 = ds1
    t = tanh(c1)
    dc = dc1 + dh1 * o * tanh_slope(t)
    dai = dc * g * sigmoid_slope(i)
    daf = dc * c * sigmoid_slope(f)
    dag = dc * i * tanh_slope(g)
    dao = dh1 * t * sigmoid_slope(o)
    return (dai, daf, dag, dao), (zero(dh1), dc * f), ()


@cache
def build() -> Cell:
    """The LSTM cell."""
    return Cell(
        name="lstm",
        options={},
        gates=("i", "f", "g", "o"),
        state=("h", "c"),
        tape=("i", "f", "g", "o"),
        forward=forward,
        backward=backward,
        equations=(
            r"i_t, f_t, o_t = \sigma(W_{hx} x_t + W_{hh} h_{t-1} + b_h)",
            r"g_t = \tanh(W_{hx} x_t + W_{hh} h_{t-1} + b_h)",
            r"c_t = f_t \odot c_{t-1} + i_t \odot g_t",
            r"h_t = o_t \odot \tanh c_t",
        ),
        source=Source(
            "F. A. Gers, J. Schmidhuber, F. Cummins, Learning to forget, Neural Computation 12 (2000), 2451-2471",
            ("L0.7", "L2.5"),
        ),
    )


LSTM = Recurrence(name="lstm", title="long short-term memory", build=build)
