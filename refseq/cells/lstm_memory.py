"""The two halves of every LSTM, on scalars: what its memory becomes, and what it shows; each with its adjoint.

remember    c_t = f_t * c_{t-1} + i_t * g_t, with i and f from the gates by one of MEMORIES
emit        h_t = o_t * psi(c_t)

Gates may look at the memory through peepholes of their own, a_k + w_k c; the memory may be clipped.
"""

from collections.abc import Callable
from dataclasses import dataclass

from numba.extending import register_jitable

from refseq.primitives import ACTIVATIONS, clip, clip_slope, complement, zero
from refseq.tuples import add_scaled, dot, scale


@dataclass(frozen=True)
class Half:
    """A function on scalars and its adjoint."""

    forward: Callable
    backward: Callable


def both(value: Callable, slope: Callable) -> Half:
    """Input gate and forget gate: m = (a_i, a_f)."""

    @register_jitable
    def opened(m):
        ai, af = m
        return value(ai), value(af)

    @register_jitable
    def shut(i, f, di, df):
        return di * slope(i), df * slope(f)

    return Half(opened, shut)


def no_forget(value: Callable, slope: Callable) -> Half:
    """No forget gate, f = 1: m = (a_i,)."""

    @register_jitable
    def opened(m):
        (ai,) = m
        return value(ai), complement(zero(ai))

    @register_jitable
    def shut(i, f, di, df):
        return (di * slope(i),)

    return Half(opened, shut)


def coupled(value: Callable, slope: Callable) -> Half:
    """One gate for both, i = 1 - f: m = (a_f,)."""

    @register_jitable
    def opened(m):
        (af,) = m
        f = value(af)
        return complement(f), f

    @register_jitable
    def shut(i, f, di, df):
        return ((df - di) * slope(f),)

    return Half(opened, shut)


MEMORIES: dict[str, tuple[tuple[str, ...], Callable]] = {
    "both": (("i", "f"), both),
    "no forget": (("i",), no_forget),
    "coupled": (("f",), coupled),
}
"""How the memory is guarded: names of the gates, and i and f made of them."""


def blind() -> Half:
    """A gate that does not look at the memory: looks(a, p, c) = a."""

    @register_jitable
    def looks(a, p, c):
        return a

    @register_jitable
    def seen(da, p, c):
        return zero(c), ()

    return Half(looks, seen)


def diagonal(first: int, last: int) -> Half:
    """Every gate sees the memory of its own unit: looks(a, p, c) = a_k + p_k c, with p[first:last] for these gates."""

    @register_jitable
    def looks(a, p, c):
        return add_scaled(a, p[first:last], c)

    @register_jitable
    def seen(da, p, c):
        return dot(da, p[first:last], c), scale(da, c)

    return Half(looks, seen)


def unbounded() -> Half:
    """The memory is not clipped."""

    @register_jitable
    def limit(c1, p):
        return c1

    @register_jitable
    def passes(dc1, c1, p):
        return dc1

    return Half(limit, passes)


def bounded(place: int) -> Half:
    """The memory is clipped to [-p[place], p[place]]."""

    @register_jitable
    def limit(c1, p):
        return clip(c1, p[place])

    @register_jitable
    def passes(dc1, c1, p):
        return dc1 * clip_slope(c1, p[place])

    return Half(limit, passes)


def remember(gates: Half, look: Half, bound: Half, candidate: str) -> Half:
    """forward(m, ag, c, p) -> (c1, i, f, g);   backward(i, f, g, c, c1, p, dc1) -> (dm, dag, dc, dw)."""
    opened, shut = gates.forward, gates.backward
    looks, seen, limit, passes = look.forward, look.backward, bound.forward, bound.backward
    value, slope = ACTIVATIONS[candidate]

    @register_jitable
    def forward(m, ag, c, p):
        i, f = opened(looks(m, p, c))
        g = value(ag)
        return limit(f * c + i * g, p), i, f, g

    @register_jitable
    def backward(i, f, g, c, c1, p, dc1):
        d = passes(dc1, c1, p)
        dm = shut(i, f, d * g, d * c)
        dc, dw = seen(dm, p, c)
        return dm, d * i * slope(g), d * f + dc, dw

    return Half(forward, backward)


def emit(look: Half, gate: str, activation: str) -> Half:
    """forward(ao, c, inner, p) -> (h1, o);   backward(o, c, inner, p, dh1) -> (dao, dc, dinner, dw): the gate looks at
    c, and what it lets out is psi(inner). psi is cheaper to take again than to store."""
    looks, seen = look.forward, look.backward
    open_, gate_slope = ACTIVATIONS[gate]
    value, slope = ACTIVATIONS[activation]

    @register_jitable
    def forward(ao, c, inner, p):
        (z,) = looks((ao,), p, c)
        o = open_(z)
        return o * value(inner), o

    @register_jitable
    def backward(o, c, inner, p, dh1):
        t = value(inner)
        dao = dh1 * t * gate_slope(o)
        dc, dw = seen((dao,), p, c)
        return dao, dc, dh1 * o * slope(t), dw

    return Half(forward, backward)
