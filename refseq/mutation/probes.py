"""Cells that use at once what no cell of the catalogue puts together, so that the machinery is judged beyond it:

    u, w = W_ux x + W_uh h + b_u, W_ux x + b_u         v, q = softmax u, softmax w
    z = W_cv v + q + b_c                               c1 = g c + k tanh z,  r = z s
    n = W_nc c1 + c1 + h                               m = n normalised
    y = c1 m + q r                                     h1 = softmax y

with k a constant, g a parameter of each unit, or k where a cell may have none, and s the last old state. An operation
before a matrix, before an old and before a new state, and one that makes a state; a matrix on a new state; a stage that
sees new states and vectors; biases out of order.
"""

from refseq.cell import Bias, Cell, Parameter, Source
from refseq.layer import Layer
from refseq.primitives import tanh, tanh_slope
from refseq.stage import Product, Stage
from refseq.tree_cell import EdgeCell, TreeCell
from refseq.tree_layer import TreeLayer
from refseq.tuples import zeros_like

GATES = ("u", "w", "c", "n")
CONSTANTS = {"k": 0.75, "epsilon": 0.5}
SOURCE = Source("made to be mutated", ())


def biases(mark: str = "") -> tuple[Bias, ...]:
    """The biases; ``mark`` is in the names of all parameters."""
    return Bias(f"b_{mark}c", ("c",)), Bias(f"b_{mark}u", ("w", "u"))


def stages(h: str, olds: int, own: int, mark: str = "") -> tuple[Stage, ...]:
    """The stages; ``h`` is the first of so many old states and c the second; ``own``: 1 if g is a parameter."""
    inner = (Product(f"W_{mark}ux", "x", ("u", "w")), Product(f"W_{mark}uh", h, ("u",)))
    first = Stage(("u", "w"), inner, ("v", "q"), operation="softmax")

    def remember(a, s, p):
        (z,) = a
        t = tanh(z)
        return (p[0] * s[1] + p[own] * t, z * s[-1]), (t, z)

    def remember_backward(kept, s, made, p, dmade):
        t, z = kept
        dc1, dr = dmade
        ds = list(zeros_like(s))
        ds[1] = ds[1] + dc1 * p[0]
        ds[-1] = ds[-1] + dr * z
        return (dc1 * p[own] * tanh_slope(t) + dr * s[-1],), tuple(ds), (dc1 * s[1],)[:own]

    outer = (Product(f"W_{mark}cv", "v", ("c",)), Product(None, "q", (), ("c",)))
    second = Stage(("c",), outer, ("c1", "r"), remember, remember_backward, ("t", "z"))
    last = (Product(f"W_{mark}nc", "c1", ("n",)), Product(None, "c1", (), ("n",)), Product(None, h, (), ("n",)))
    third = Stage(("n",), last, ("m",), keeps=("deviation",), operation="normalise")

    def show(a, s, p):
        c1, q, r, m = s[olds:]
        return (c1 * m + q * r,), ()

    def show_backward(kept, s, made, p, dmade):
        c1, q, r, m = s[olds:]
        (d,) = dmade
        return (), (*zeros_like(s[:olds]), d * m, d * r, d * q, d * c1), zeros_like(p[:own])

    fourth = Stage((), (), ("y",), show, show_backward, (), ("c1", "q", "r", "m"))
    return first, second, third, fourth, Stage(("h",), (Product(None, "y", (), ("h",)),), ("h1",), operation="softmax")


def recurrent(inputs: int, units: int) -> Layer:
    """The cell in time."""
    made = stages("h", 2, 1)
    own = (Parameter("g"),)
    cell = Cell("probe", {}, GATES, ("h", "c"), made, SOURCE, biases(), own, CONSTANTS)
    return Layer(cell, inputs, units)


def by_position(inputs: int, units: int) -> TreeLayer:
    """The cell on binary trees."""
    made, children = stages("h_left", 4, 0), ("_left", "_right")
    cell = TreeCell("probe", {}, GATES, ("h", "c"), made, SOURCE, biases(), constants=CONSTANTS, children=children)
    return TreeLayer(cell, inputs, units)


def by_sum(inputs: int, units: int) -> TreeLayer:
    """The cell for the nodes, and for the edges below them."""
    fields = ("probe", {}, GATES, ("h", "c"))
    edge = EdgeCell(*fields, stages("h", 2, 0, "e"), SOURCE, biases("e"), constants=CONSTANTS)
    node = TreeCell(*fields, stages("h", 2, 0), SOURCE, biases(), constants=CONSTANTS, edge=edge)
    return TreeLayer(node, inputs, units)
