"""Layer normalisation inside a cell: both products of every gate are normalised over the units before they are added.

a_g = b_h[g] + gain_hx_g * N(W_hx[g] x_t) + gain_hh_g * N(W_hh[g] h_{t-1}),    N(v) = (v - mean v) / sqrt(var v + eps)

After J. L. Ba, J. R. Kiros, G. E. Hinton, Layer normalization, arXiv:1607.06450, eq. 20, which takes mean and variance
over all gates together; here every gate is normalised by itself, as TensorFlow's LayerNormBasicLSTMCell does.
``normalising`` is the stage
that makes the normalised products; ``gained`` makes a cell's own stage take its pre-activations from them.
"""

# ruff: noqa: RUF005 - numba has no star in a tuple of scalars: tuples are joined by +

from collections.abc import Sequence
from dataclasses import replace

from numba.extending import register_jitable

from refseq.cell import Parameter
from refseq.operations import OPERATIONS
from refseq.stage import Product, Stage
from refseq.tuples import add_products, multiply, zeros_like

PATHS = ("x", "h")
"""Where a gate's two products come from."""


def gains(gates: Sequence[str]) -> tuple[Parameter, ...]:
    """The gains of all normalised products, matrix by matrix."""
    return tuple(Parameter(f"gain_h{path}_{gate}", initial=1) for path in PATHS for gate in gates)


def _vectors(gates: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{gate}_{path}_hat" for path in PATHS for gate in gates)


def normalising(gates: tuple[str, ...]) -> Stage:
    """Both products of every gate, normalised."""
    slots = [tuple(f"{gate}_{path}" for gate in gates) for path in PATHS]
    products = (Product("W_hx", "x", gates, slots[0]), Product("W_hh", "h", gates, slots[1]))
    return normalised((*slots[0], *slots[1]), products, _vectors(gates))


def normalised(slots: tuple[str, ...], products: tuple[Product, ...], makes: tuple[str, ...]) -> Stage:
    """A stage that normalises its pre-activations."""
    assert OPERATIONS["normalise"].keeps == 1
    deviations = tuple(f"{slot}_deviation" for slot in slots)
    return Stage(slots, products, makes, keeps=deviations, operation="normalise")


def gained(stage: Stage, gates: tuple[str, ...], known: int, learned: int) -> Stage:
    """The stage, its products replaced by the normalised ones times their gains. ``gates``: all gates of the cell;
    ``known``: states and vectors that the stage is handed already; ``learned``: number of the cell's parameters, of
    which the gains come first."""
    forward, backward = stage.forward, stage.backward
    assert forward is not None
    assert backward is not None
    total, n = len(gates), len(stage.slots)
    first = gates.index(stage.slots[0])
    last = first + n
    second, end, middle = total + first, total + last, known + n

    @register_jitable
    def run(a, s, p):
        a = add_products(a, p[first:last], s[known:middle])
        a = add_products(a, p[second:end], s[middle:])
        return forward(a, s[:known], p)

    @register_jitable
    def pull(kept, s, made, p, dmade):
        da, ds, _ = backward(kept, s[:known], made, p, dmade)
        dx, dh = multiply(da, p[first:last]), multiply(da, p[second:end])
        before, between, after = zeros_like(p[:first]), zeros_like(p[last:second]), zeros_like(p[end:learned])
        gain_x, gain_h = multiply(da, s[known:middle]), multiply(da, s[middle:])
        return da, ds + dx + dh, before + gain_x + between + gain_h + after

    return replace(stage, products=(), sees=stage.sees + _vectors(stage.slots), forward=run, backward=pull)


def scaled(vector: str, made: str, at: int) -> Stage:
    """made = p[at] * vector + p[at + 1]: the gain and the bias of a normalised vector, the last of the parameters."""

    @register_jitable
    def run(a, s, p):
        return (p[at] * s[-1] + p[at + 1],), ()

    @register_jitable
    def pull(kept, s, made, p, dmade):
        (d,) = dmade
        return (), zeros_like(s[:-1]) + (d * p[at],), zeros_like(p[:at]) + (d * s[-1], d)

    return Stage((), (), (made,), run, pull, (), (vector,))
