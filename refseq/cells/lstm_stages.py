"""The stages of an LSTM made of its two halves: one stage, or two where the output gate waits for the new memory.

numba has no star in a tuple of scalars: tuples are joined by +.
"""
# ruff: noqa: RUF005

from numba.extending import register_jitable

from refseq.cells.lstm_memory import Half
from refseq.primitives import zero
from refseq.stage import Product, Stage


def together(memory: Half, shows: Half, sees_new: bool, names: tuple[str, ...], products: tuple[Product, ...]) -> Stage:
    """Memory and output in one stage; ``names`` are the memory's gates. The output gate's peephole looks at the new
    memory, or at the old."""
    keep, keep_back, show, show_back = memory.forward, memory.backward, shows.forward, shows.backward
    n = len(names)

    @register_jitable
    def forward(a, s, p):
        h, c = s
        c1, i, f, g = keep(a[:n], a[n], c, p)
        h1, o = show(a[n + 1], c1 if sees_new else c, c1, p)
        return (c1, h1), (i, f, g, o)

    @register_jitable
    def backward(kept, s, made, p, dmade):
        i, f, g, o = kept
        h, c = s
        c1, h1 = made
        dc1, dh1 = dmade
        dao, looked, dinner, dwo = show_back(o, c1 if sees_new else c, c1, p, dh1)
        dc1 = dc1 + dinner + looked if sees_new else dc1 + dinner
        dm, dag, dc, dwm = keep_back(i, f, g, c, c1, p, dc1)
        dc = dc if sees_new else dc + looked
        return dm + (dag, dao), (zero(dh1), dc), dwm + dwo

    return Stage((*names, "g", "o"), products, ("c1", "h1"), forward, backward, ("i", "f", "g", "o"))


def memory_stage(memory: Half, names: tuple[str, ...], products: tuple[Product, ...]) -> Stage:
    """The new memory alone."""
    keep, keep_back = memory.forward, memory.backward
    n = len(names)

    @register_jitable
    def forward(a, s, p):
        h, c = s
        c1, i, f, g = keep(a[:n], a[n], c, p)
        return (c1,), (i, f, g)

    @register_jitable
    def backward(kept, s, made, p, dmade):
        i, f, g = kept
        h, c = s
        (c1,) = made
        (dc1,) = dmade
        dm, dag, dc, dw = keep_back(i, f, g, c, c1, p, dc1)
        return dm + (dag,), (zero(dc), dc), dw

    return Stage((*names, "g"), products, ("c1",), forward, backward, ("i", "f", "g"))


def output_stage(shows: Half, inner: str, products: tuple[Product, ...]) -> Stage:
    """The output alone, made of ``inner``: c1, or a vector made of it."""
    show, show_back = shows.forward, shows.backward

    @register_jitable
    def forward(a, s, p):
        (ao,) = a
        h, c, seen = s
        h1, o = show(ao, c, seen, p)
        return (h1,), (o,)

    @register_jitable
    def backward(kept, s, made, p, dmade):
        (o,) = kept
        h, c, seen = s
        (dh1,) = dmade
        dao, dc, dinner, dw = show_back(o, c, seen, p, dh1)
        return (dao,), (zero(dh1), dc, dinner), dw

    return Stage(("o",), products, ("h1",), forward, backward, ("o",), (inner,))
