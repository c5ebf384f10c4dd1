"""Tree-LSTM for children with positions: one forget gate for each child.

i_j = sigmoid(W_hx[i] x_j + sum_l W_hh_l[i] h_jl + b_h[i])       likewise o_j, and g_j with tanh
f_jk = sigmoid(W_hx[f] x_j + sum_l W_hh_l[f_k] h_jl + b_h[f])    for every child k; W_hx[f] and b_h[f] serve all
c_j = i_j * g_j + sum_k f_jk * c_jk
h_j = o_j * tanh(c_j)

It is made of the two halves of every LSTM: with one child it is the LSTM, and a further child's memory is let in by its
forget gate as the output gate lets the memory out, with the identity for tanh.
"""

# ruff: noqa: RUF005 - numba has no star in a tuple of scalars: tuples are joined by +

from numba.extending import register_jitable

from refseq.cell import Bias, Source
from refseq.cells.lstm_memory import Half, blind, both, emit, remember, unbounded
from refseq.cells.recursive import ARITY, INPUT
from refseq.primitives import ACTIVATIONS, zero
from refseq.recurrence import Recurrence
from refseq.stage import Product, Stage
from refseq.tree_cell import TreeCell, positions

MEMORY = remember(both(*ACTIVATIONS["sigmoid"]), blind(), unbounded(), "tanh")
"""What a node keeps of its first child's memory, and what it adds."""

LET_IN = emit(blind(), "sigmoid", "identity")
"""A child's memory behind its forget gate."""

SHOWN = emit(blind(), "sigmoid", "tanh")
"""The output."""


def further(children: int) -> Half:
    """forward(total, a, s, p) -> (total + sum_k f_k c_k, (f_k)), with a = (a_fk), s = (h_k, c_k, ...) of these;
    backward(f, s, p, d) -> (da, ds)."""
    if children == 0:

        @register_jitable
        def none(total, a, s, p):
            return total, ()

        @register_jitable
        def nothing(f, s, p, d):
            return (), ()

        return Half(none, nothing)
    less, last = further(children - 1), children - 1
    before, before_back, let, let_back = less.forward, less.backward, LET_IN.forward, LET_IN.backward

    @register_jitable
    def forward(total, a, s, p):
        total, f = before(total, a[:last], s[:-2], p)
        m, last_f = let(a[last], s[-1], s[-1], p)
        return total + m, f + (last_f,)

    @register_jitable
    def backward(f, s, p, d):
        da, ds = before_back(f[:last], s[:-2], p, d)
        daf, _, dc, _ = let_back(f[last], s[-1], s[-1], p, d)
        return da + (daf,), ds + (zero(d), dc)

    return Half(forward, backward)


def _stage(arity: int, products: tuple[Product, ...]) -> Stage:
    keep, keep_back, show, show_back = MEMORY.forward, MEMORY.backward, SHOWN.forward, SHOWN.backward
    others = further(arity - 1)
    add, add_back, g, o = others.forward, others.backward, arity + 1, arity + 2
    forgets = tuple(f"f{child}" for child in positions(arity))

    @register_jitable
    def forward(a, s, p):
        c1, i, f, candidate = keep(a[:2], a[g], s[1], p)
        c1, rest = add(c1, a[2:g], s[2:], p)
        h1, opened = show(a[o], c1, c1, p)
        return (c1, h1), (i, f) + rest + (candidate, opened)

    @register_jitable
    def backward(kept, s, made, p, dmade):
        c1, h1 = made
        dc1, dh1 = dmade
        dao, _, dinner, _ = show_back(kept[o], c1, c1, p, dh1)
        dc1 = dc1 + dinner
        dm, dag, dc, _ = keep_back(kept[0], kept[1], kept[g], s[1], c1, p, dc1)
        rest, ds = add_back(kept[2:g], s[2:], p, dc1)
        return dm + rest + (dag, dao), (zero(dh1), dc) + ds, ()

    return Stage(("i", *forgets, "g", "o"), products, ("c1", "h1"), forward, backward, ("i", *forgets, "g", "o"))


def build(arity: int, x: bool) -> TreeCell:
    """The Tree-LSTM cell for so many children."""
    children = positions(arity)
    forgets = tuple(f"f{child}" for child in children)
    slots, gates = ("i", *forgets, "g", "o"), ("i", "f", "g", "o")
    products = [Product("W_hx", "x", gates, ("i", forgets[0], "g", "o"))] * x
    products += [Product("W_hx", "x", ("f",), (forget,)) for forget in forgets[1:]] * x
    products += [Product(f"W_hh{child}", f"h{child}", slots) for child in children]
    return TreeCell(
        name="tree_lstm",
        options={"arity": arity, "x": x},
        gates=gates,
        state=("h", "c"),
        stages=(_stage(arity, tuple(products)),),
        biases=(Bias("b_h", slots, ("i", *["f"] * arity, "g", "o")),),
        source=Source(
            "K. S. Tai, R. Socher, C. D. Manning, Improved semantic representations from tree-structured long "
            "short-term memory networks, ACL 2015, eqs. 9-14",
            ("L4.15",),
        ),
        children=children,
    )


TREE_LSTM = Recurrence(
    name="tree_lstm",
    title="Tree-LSTM, children by position",
    build=build,
    options={"arity": ARITY, "x": INPUT},
    regularised=False,
)
