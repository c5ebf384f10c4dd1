"""Cells that use at once what no cell of the catalogue puts together, so that the machinery is judged beyond it:

    u, w = W_ux x + W_uh h + b_u, W_ux x + b_u         v, q = softmax u, softmax w
    z = W_cv v + q + b_c                               c1 = g c + k tanh z,  r = z h
    n = W_nc c1 + c1 + h                               m = n normalised
    h1 = c1 m + q r

with k a constant, and g a parameter of each unit, or k where a cell may have none. An operation before a matrix, before
an old and before a new state; a matrix on a new state; a stage that sees new states and vectors; biases out of order.
"""

from refseq.cell import Bias, Cell, Parameter, Source
from refseq.cells.child_sum import CHILD_SUM
from refseq.layer import Layer
from refseq.primitives import tanh, tanh_slope
from refseq.stage import Product, Stage
from refseq.tree_cell import EdgeCell, TreeCell
from refseq.tree_layer import TreeLayer
from refseq.tuples import zeros_like

GATES = ("u", "w", "c", "n")
CONSTANTS = {"k": 0.75, "epsilon": 0.5}
BIASES = (Bias("b_c", ("c",)), Bias("b_u", ("w", "u")))
SOURCE = Source("made to be mutated", ())


def stages(h: str, olds: int, own: int) -> tuple[Stage, ...]:
    """The stages; ``h`` is the first of so many old states and c the second; ``own``: 1 if g is a parameter."""
    inner = (Product("W_ux", "x", ("u", "w")), Product("W_uh", h, ("u",)))
    first = Stage(("u", "w"), inner, ("v", "q"), operation="softmax")

    def remember(a, s, p):
        (z,) = a
        t = tanh(z)
        return (p[0] * s[1] + p[own] * t, z * s[0]), (t, z)

    def remember_backward(kept, s, made, p, dmade):
        t, z = kept
        dc1, dr = dmade
        dz = dc1 * p[own] * tanh_slope(t) + dr * s[0]
        return (dz,), (dr * z, dc1 * p[0], *zeros_like(s[2:])), (dc1 * s[1],)[:own]

    outer = (Product("W_cv", "v", ("c",)), Product(None, "q", (), ("c",)))
    second = Stage(("c",), outer, ("c1", "r"), remember, remember_backward, ("t", "z"))
    last = (Product("W_nc", "c1", ("n",)), Product(None, "c1", (), ("n",)), Product(None, h, (), ("n",)))
    third = Stage(("n",), last, ("m",), keeps=("deviation",), operation="normalise")

    def show(a, s, p):
        c1, q, r, m = s[olds:]
        return (c1 * m + q * r,), ()

    def show_backward(kept, s, made, p, dmade):
        c1, q, r, m = s[olds:]
        (d,) = dmade
        return (), (*zeros_like(s[:olds]), d * m, d * r, d * q, d * c1), zeros_like(p[:own])

    return first, second, third, Stage((), (), ("h1",), show, show_backward, (), ("c1", "q", "r", "m"))


def recurrent(inputs: int, units: int) -> Layer:
    """The cell in time."""
    made = stages("h", 2, 1)
    own = (Parameter("g"),)
    cell = Cell("probe", {}, GATES, ("h", "c"), made, SOURCE, BIASES, own, CONSTANTS)
    return Layer(cell, inputs, units)


def by_position(inputs: int, units: int) -> TreeLayer:
    """The cell on binary trees."""
    made, children = stages("h_left", 4, 0), ("_left", "_right")
    cell = TreeCell("probe", {}, GATES, ("h", "c"), made, SOURCE, BIASES, constants=CONSTANTS, children=children)
    return TreeLayer(cell, inputs, units)


def by_sum(inputs: int, units: int) -> TreeLayer:
    """The cell on the edges below a node, whose own cell is that of the child-sum Tree-LSTM."""
    edge = EdgeCell("probe", {}, GATES, ("h", "c"), stages("h", 2, 0), SOURCE, BIASES, constants=CONSTANTS)
    node = CHILD_SUM.cell()
    fields = (node.name, node.options, node.gates, node.state, node.stages, node.source, node.biases)
    return TreeLayer(TreeCell(*fields, edge=edge), inputs, units)
