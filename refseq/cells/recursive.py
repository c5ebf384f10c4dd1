"""Recursive network: a parent's vector is made of its children's.

p = f(W_hh_left h_left + W_hh_right h_right + W_hx x + b_h),    f = tanh, relu, sigmoid or the identity

The lectures' p = tanh(W [c1; c2] + b) is the form without x, with W = [W_hh_left W_hh_right]. On a chain, where every
node has one child, it is the Elman network.
"""

from refseq.cell import Bias, Source
from refseq.cells.activated import activated
from refseq.primitives import ACTIVATIONS
from refseq.recurrence import Option, Recurrence, Size
from refseq.stage import Product
from refseq.tree_cell import TreeCell, positions

INPUT = Option((True, False), True, "whether the nodes have an input x; without one the leaves' states are given")
ARITY = Size(2, "positions for the children of a node", own=False, examples=(1, 2, 3), most=32)
"""The compiler's time grows with the square of the positions: minutes for a Tree-LSTM of 16."""


def build(activation: str, arity: int, x: bool) -> TreeCell:
    """The recursive cell for so many children."""
    children = positions(arity)

    products = [Product("W_hx", "x", ("h",))] * x
    products += [Product(f"W_hh{child}", f"h{child}", ("h",)) for child in children]
    return TreeCell(
        name="recursive",
        options={"activation": activation, "arity": arity, "x": x},
        gates=("h",),
        state=("h",),
        stages=(activated("h", tuple(products), "h1", activation),),
        biases=(Bias("b_h", ("h",)),),
        source=Source(
            "R. Socher et al., Parsing natural scenes and natural language with recursive neural networks, ICML 2011",
            ("L4.15",),
        ),
        children=children,
    )


RECURSIVE = Recurrence(
    name="recursive",
    title="recursive network",
    build=build,
    options={
        "activation": Option(tuple(ACTIVATIONS), "tanh", "the function f of a node"),
        "arity": ARITY,
        "x": INPUT,
    },
    regularised=False,
)
