"""Gated recurrent unit, with the reset gate before or after the recurrent product.

r_t = sigmoid(W_hx[r] x_t + W_hh[r] h_{t-1} + b_h[r])      likewise z_t
reset="before"  n_t = tanh(W_hx[n] x_t + W_hh[n] (r_t * h_{t-1}) + b_h[n])
reset="after"   n_t = tanh(W_hx[n] x_t + b_h[n] + r_t * (W_hh[n] h_{t-1} + b_hn))
h_t = z_t * h_{t-1} + (1 - z_t) * n_t

With z*h + (1-z)*n, and not n + z*(h-n), a saturated gate copies or replaces exactly.
"""

from numba.extending import register_jitable

from refseq.cell import Bias, Cell, Parameter, Source, one_stage
from refseq.primitives import complement, sigmoid, sigmoid_slope, tanh, tanh_slope
from refseq.recurrence import Option, Recurrence
from refseq.stage import Product, Stage


@register_jitable
def apply_reset(a, s, p):
    """Reset before the product: the candidate's operand v = r * h."""
    (ar,) = a
    (h,) = s
    r = sigmoid(ar)
    return (r * h,), (r,)


@register_jitable
def apply_reset_backward(kept, s, made, p, dmade):
    """The adjoint of apply_reset."""
    (r,) = kept
    (h,) = s
    (dv,) = dmade
    return (dv * h * sigmoid_slope(r),), (dv * r,), ()


@register_jitable
def update(a, s, p):
    """The new state from the candidate."""
    az, an = a
    (h,) = s
    z = sigmoid(az)
    n = tanh(an)
    return (z * h + complement(z) * n,), (z, n)


@register_jitable
def update_backward(kept, s, made, p, dmade):
    """The adjoint of update."""
    z, n = kept
    (h,) = s
    (dh1,) = dmade
    daz = dh1 * (h - n) * sigmoid_slope(z)
    dan = dh1 * complement(z) * tanh_slope(n)
    return (daz, dan), (dh1 * z,), ()


@register_jitable
def forward_after(a, s, p):
    """Reset after the product: un is the recurrent product of gate n, with a bias of its own."""
    ar, az, an, un = a
    q = un + p[0]  # b_hn
    r = sigmoid(ar)
    made, (z, n) = update((az, an + r * q), s, p)
    return made, (r, z, n, q)


@register_jitable
def backward_after(tape, s, s1, p, ds1):
    """The adjoint of forward_after."""
    r, z, n, q = tape
    (daz, dan), ds, _ = update_backward((z, n), s, s1, p, ds1)
    dun = dan * r
    return (dan * q * sigmoid_slope(r), daz, dan, dun), ds, (dun,)


def build(reset: str) -> Cell:
    """The GRU cell with the reset gate before or after the recurrent product."""
    common = {"name": "gru", "options": {"reset": reset}, "gates": ("r", "z", "n"), "state": ("h",)}
    return _before(**common) if reset == "before" else _after(**common)


def _before(**common) -> Cell:
    first = Stage(
        slots=("r",),
        products=(Product("W_hx", "x", ("r",)), Product("W_hh", "h", ("r",))),
        makes=("v",),
        keeps=("r",),
        forward=apply_reset,
        backward=apply_reset_backward,
    )
    second = Stage(
        slots=("z", "n"),
        products=(Product("W_hx", "x", ("z", "n")), Product("W_hh", "h", ("z",)), Product("W_hh", "v", ("n",))),
        makes=("h1",),
        keeps=("z", "n"),
        forward=update,
        backward=update_backward,
    )
    return Cell(
        **common,
        stages=(first, second),
        biases=(Bias("b_h", ("r", "z", "n")),),
        source=Source(
            "K. Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014, eqs. 5-8",
            ("L1.11", "L2.4", "L4.10"),
        ),
    )


def _after(**common) -> Cell:
    return one_stage(
        **common,
        tape=("r", "z", "n", "q"),
        forward=forward_after,
        backward=backward_after,
        parameters=(Parameter("b_hn", bias=True),),
        separate=("n",),
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
