"""Leaky unit: a part of the old state stays.

h_t = mu * h_{t-1} + (1 - mu) * f(W_hx x_t + W_hh h_{t-1} + b_h)

mu is preset, or learned for the layer or for every unit as sigmoid(mu_logit), which keeps it inside (0, 1), up to
rounding: beyond logits of 17 in float32 and 37 in float64 it is 1.
"""

from collections.abc import Callable
from math import log

from numba.extending import register_jitable

from refseq.cell import Cell, Parameter, Source, one_stage
from refseq.primitives import ACTIVATIONS, complement, sigmoid, sigmoid_slope
from refseq.recurrence import Number, Option, Recurrence


def _preset() -> tuple[Callable, Callable]:
    @register_jitable
    def leak(p):
        return p[0]

    @register_jitable
    def leak_backward(mu, dmu):
        return ()

    return leak, leak_backward


def _learned() -> tuple[Callable, Callable]:
    @register_jitable
    def leak(p):
        return sigmoid(p[0])

    @register_jitable
    def leak_backward(mu, dmu):
        return (dmu * sigmoid_slope(mu),)

    return leak, leak_backward


def build(activation: str, mu: float, learn: str) -> Cell:
    """The leaky cell; ``learn``: no, for the layer, or for every unit."""
    value, slope = ACTIVATIONS[activation]
    leak, leak_backward = _preset() if learn == "no" else _learned()
    if learn != "no" and not 0 < mu < 1:
        raise ValueError(f"mu: a learned one begins strictly between 0 and 1, got {mu}")

    @register_jitable
    def forward(a, s, p):
        (z,) = a
        (h,) = s
        mu = leak(p)
        g = value(z)
        return (mu * h + complement(mu) * g,), (g,)

    @register_jitable
    def backward(tape, s, s1, p, ds1):
        (g,) = tape
        (h,) = s
        (dh1,) = ds1
        mu = leak(p)
        return (dh1 * complement(mu) * slope(g),), (dh1 * mu,), leak_backward(mu, dh1 * (h - g))

    return one_stage(
        name="leaky",
        options={"activation": activation, "mu": mu, "learn": learn},
        gates=("h",),
        state=("h",),
        tape=("g",),
        forward=forward,
        backward=backward,
        parameters=()
        if learn == "no"
        else (Parameter("mu_logit", shared=learn == "layer", initial=log(mu / (1 - mu))),),
        constants={"mu": mu} if learn == "no" else {},
        source=Source(
            "H. Jaeger et al., Optimization and applications of echo state networks with leaky-integrator neurons, "
            "Neural Networks 20 (2007), 335-352",
            ("L4.9",),
        ),
    )


LEAKY = Recurrence(
    name="leaky",
    title="leaky unit",
    build=build,
    options={
        "activation": Option(tuple(ACTIVATIONS), "tanh", "the function f"),
        "mu": Number(0.5, "how much of the old state stays", 0, 1, (0, 1), closed=True),
        "learn": Option(("no", "layer", "unit"), "no", "whether mu is learned, one for the layer or one for each unit"),
    },
)
