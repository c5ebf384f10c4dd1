"""Gated recurrent unit, with the reset gate before or after the recurrent product.

r_t = sigmoid(W_hx[r] x_t + W_hh[r] h_{t-1} + b_h[r])      likewise z_t
reset="before"  n_t = tanh(W_hx[n] x_t + W_hh[n] (r_t * h_{t-1}) + b_h[n])
reset="after"   n_t = tanh(W_hx[n] x_t + b_h[n] + r_t * (W_hh[n] h_{t-1} + b_hn))
h_t = z_t * h_{t-1} + (1 - z_t) * n_t

With z*h + (1-z)*n, and not n + z*(h-n), a saturated gate copies or replaces exactly.
"""

from functools import cache

from numba.extending import register_jitable

from refseq.cell import Cell, Option, Recurrence, Source
from refseq.primitives import complement, sigmoid, sigmoid_slope, tanh, tanh_slope


@register_jitable
def operand_before(a, s, p):
    """Reset before the product: the candidate's operand r * h."""
    (ar,) = a
    (h,) = s
    r = sigmoid(ar)
    return r * h, (r,)


@register_jitable
def operand_before_backward(tape, s, p, dv):
    """The adjoint of operand_before."""
    (r,) = tape
    (h,) = s
    return (dv * h * sigmoid_slope(r),), (dv * r,), ()


@register_jitable
def forward_before(a, s, p):
    """Reset before the product: the gate r has done its work in the operand."""
    ar, az, an = a
    (h,) = s
    z = sigmoid(az)
    n = tanh(an)
    return (z * h + complement(z) * n,), (z, n)


@register_jitable
def backward_before(tape, s, s1, p, ds1):
    """The adjoint of forward_before, for the gates z and n."""
    z, n = tape
    (h,) = s
    (dh1,) = ds1
    daz = dh1 * (h - n) * sigmoid_slope(z)
    dan = dh1 * complement(z) * tanh_slope(n)
    return (daz, dan), (dh1 * z,), ()


@register_jitable
def forward_after(a, s, p):
    """Reset after the product: un is the recurrent product of gate n, with a bias of its own."""
    ar, az, an, un = a
    (h,) = s
    (b_hn,) = p
    q = un + b_hn
    r = sigmoid(ar)
    z = sigmoid(az)
    n = tanh(an + r * q)
    return (z * h + complement(z) * n,), (r, z, n, q)


@register_jitable
def backward_after(tape, s, s1, p, ds1):
    """The adjoint of forward_after."""
    r, z, n, q = tape
    (h,) = s
    (dh1,) = ds1
    daz = dh1 * (h - n) * sigmoid_slope(z)
    dan = dh1 * complement(z) * tanh_slope(n)
    dar = dan * q * sigmoid_slope(r)
    dun = dan * r
    return (dar, daz, dan, dun), (dh1 * z,), (dun,)


_GATES = r"r_t, z_t = \sigma(W_{hx} x_t + W_{hh} h_{t-1} + b_h)"
_UPDATE = r"h_t = z_t \odot h_{t-1} + (1 - z_t) \odot n_t"


@cache
def build(reset: str) -> Cell:
    """The GRU cell with the reset gate before or after the recurrent product."""
    common = {"name": "gru", "options": {"reset": reset}, "gates": ("r", "z", "n"), "state": ("h",)}
    if reset == "before":
        return Cell(
            **common,
            tape=("z", "n"),
            forward=forward_before,
            backward=backward_before,
            early=("r",),
            modulated=("n",),
            operand_tape=("r",),
            operand=operand_before,
            operand_backward=operand_before_backward,
            equations=(_GATES, r"n_t = \tanh(W_{hx} x_t + W_{hh} (r_t \odot h_{t-1}) + b_h)", _UPDATE),
            source=Source(
                "K. Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014, eqs. 5-8",
                ("L1.11", "L2.4", "L4.10"),
            ),
        )
    return Cell(
        **common,
        tape=("r", "z", "n", "q"),
        forward=forward_after,
        backward=backward_after,
        parameters=("b_hn",),
        separate=("n",),
        equations=(_GATES, r"n_t = \tanh(W_{hx} x_t + b_h + r_t \odot (W_{hh} h_{t-1} + b_{hn}))", _UPDATE),
        source=Source("NVIDIA cuDNN, CUDNN_GRU; PyTorch, torch.nn.GRU", ()),
    )


GRU = Recurrence(
    name="gru",
    title="gated recurrent unit",
    build=build,
    options={
        "reset": Option(
            ("before", "after"), "before", "reset gate before the recurrent product (Cho) or after it (cuDNN, torch)"
        )
    },
)
