"""Tree-LSTM for any number of children without order: their outputs are summed, each behind a forget gate of its own.

f_jk = sigmoid(W_fx x_j + W_fh h_k + b_f)    for every child k
h~ = sum_k h_k,    m = sum_k f_jk * c_k
i_j = sigmoid(W_hx[i] x_j + W_hh[i] h~ + b_h[i])    likewise o_j, and g_j with tanh
c_j = m + i_j * g_j
h_j = o_j * tanh(c_j)

The node is the LSTM without forget gate, with h~ and m for its old states; the forget gate is on the edge.
"""

from numba.extending import register_jitable

from refseq.cell import Bias, Source
from refseq.cells.lstm_memory import blind, no_forget, remember, unbounded
from refseq.cells.lstm_stages import together
from refseq.cells.recursive import INPUT
from refseq.cells.tree_lstm import LET_IN, SHOWN
from refseq.primitives import ACTIVATIONS
from refseq.recurrence import Recurrence
from refseq.stage import Product, Stage
from refseq.tree_cell import EdgeCell, TreeCell

_SOURCE = Source(
    "K. S. Tai, R. Socher, C. D. Manning, Improved semantic representations from tree-structured long short-term "
    "memory networks, ACL 2015, eqs. 2-8",
    ("L4.15",),
)

_let, _let_back = LET_IN.forward, LET_IN.backward


@register_jitable
def forget(a, s, p):
    """What a parent sees of a child: its output, and its memory behind the forget gate."""
    h, c = s
    m, f = _let(a[0], c, c, p)
    return (m, h), (f,)


@register_jitable
def forget_backward(kept, s, made, p, dmade):
    """The adjoint of forget."""
    h, c = s
    dm, dh1 = dmade
    daf, _, dc, _ = _let_back(kept[0], c, c, p, dm)
    return (daf,), (dh1, dc), ()


def _edge(x: bool) -> EdgeCell:
    products = (*[Product("W_fx", "x", ("f",))] * x, Product("W_fh", "h", ("f",)))
    return EdgeCell(
        name="child_sum_edge",
        options={"x": x},
        gates=("f",),
        state=("h", "c"),
        stages=(Stage(("f",), products, ("c1", "h1"), forget, forget_backward, ("f",)),),
        biases=(Bias("b_f", ("f",)),),
        source=_SOURCE,
    )


def build(x: bool) -> TreeCell:
    """The child-sum Tree-LSTM."""
    gates, edge = ("i", "g", "o"), _edge(x)
    keep = remember(no_forget(*ACTIVATIONS["sigmoid"]), blind(), unbounded(), "tanh")
    products = (*[Product("W_hx", "x", gates)] * x, Product("W_hh", "h", gates))
    return TreeCell(
        name="child_sum_tree_lstm",
        options={"x": x},
        gates=gates,
        state=("h", "c"),
        stages=(together(keep, SHOWN, False, ("i",), products),),
        biases=(Bias("b_h", gates),),
        source=_SOURCE,
        edge=edge,
    )


CHILD_SUM = Recurrence(
    name="child_sum_tree_lstm",
    title="Tree-LSTM, children summed",
    build=build,
    options={"x": INPUT},
    regularised=False,
)
