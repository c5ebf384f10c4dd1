"""From the leaves to the roots: the nodes of a piece, level by level, for any cell of a tree.

The products of x are taken for all nodes of a part of a piece at once, whatever their levels; then every level is one
step on its rows. A row's bits do not depend on the others, so neither pieces nor threads nor other trees change a bit.
"""

from functools import cache

from numba.extending import register_jitable

from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.job import FIELD
from refseq.engine.lines import ALL
from refseq.engine.memory import keep_apart, word
from refseq.engine.tree_job import TREE
from refseq.engine.tree_rows import begin_of, edge_from, level_at, rows, states_of, tape_of
from refseq.engine.tree_step import moving, stepping


@cache
def tree_forward(dtype: str) -> CFunction:
    """A part's share of the pieces first <= c < last, in their order: f(tree, part, first, last, parts)."""
    move, steps, copy = rows(dtype), stepping(dtype), moving(dtype).copy
    inputs, positions, children, sums, outputs = move.inputs, move.positions, move.children, move.sums, move.outputs
    ahead, step = steps.ahead, steps.step

    @register_jitable
    def edges(tree, p, q, base, edge_base):
        """The step of the edges below the nodes of a level."""
        edge, product = word(tree, TREE.edge), word(tree, TREE.product)
        size, width, states = word(edge, FIELD.size), word(edge, FIELD.width), word(edge, FIELD.states)
        row, first = word(edge, FIELD.slots) * width, edge_from(tree, p)
        children(tree, p, q, edge_base)
        for i in range(p, q):
            for e in range(edge_from(tree, i), edge_from(tree, i + 1)):
                target = word(edge, FIELD.a) + (e - edge_base) * row * size
                copy(target, word(tree, TREE.sent) + (i - base) * row * size, row)
        old = word(tree, TREE.edge_old) + (first - edge_base) * states * width * size
        a = word(edge, FIELD.a) + (first - edge_base) * row * size
        count = edge_from(tree, q) - first
        step(edge, count, states, ALL, old, states_of(edge, first), tape_of(edge, first), a, product)

    @register_jitable
    def some(tree, first, last, base, edge_base):
        """The nodes of a range of places."""
        node, edge, product = word(tree, TREE.node), word(tree, TREE.edge), word(tree, TREE.product)
        size, width, olds = word(node, FIELD.size), word(node, FIELD.width), word(tree, TREE.olds)
        row, padded = word(node, FIELD.slots) * width, word(node, FIELD.padded_inputs)
        inputs(tree, first, last, base)
        ahead(
            node,
            last - first,
            word(node, FIELD.x_rows) + (first - base) * padded * size,
            word(node, FIELD.a) + (first - base) * row * size,
            product,
        )
        above = max(first, word(tree, TREE.leaves))
        if edge and above < last:
            ahead(
                edge,
                last - above,
                word(node, FIELD.x_rows) + (above - base) * padded * size,
                word(tree, TREE.sent) + (above - base) * word(edge, FIELD.slots) * width * size,
                product,
            )
        p = first
        while p < last:
            q = min(last, begin_of(tree, level_at(tree, p) + 1))
            if edge:
                if edge_from(tree, p) < edge_from(tree, q):
                    edges(tree, p, q, base, edge_base)
                present = sums(tree, p, q, base)
            else:
                present = positions(tree, p, q, base)
            if word(tree, TREE.every):
                present = ALL
            old = word(tree, TREE.old) + (p - base) * olds * width * size
            a = word(node, FIELD.a) + (p - base) * row * size
            step(node, q - p, olds, present, old, states_of(node, p), tape_of(node, p), a, product)
            outputs(tree, p, q)
            p = q

    def engine_tree_forward(tree, part, first, last, parts):
        keep_apart()
        cuts, chunk, edge_chunk = word(tree, TREE.cuts), word(tree, TREE.chunk), word(tree, TREE.edge_chunk)
        for c in range(first, last):
            low, count = word(cuts, c), word(cuts, c + 1) - word(cuts, c)
            begin, end = low + count * part // parts, low + count * (part + 1) // parts
            if begin < end:
                some(tree, begin, end, begin - part * chunk, edge_from(tree, begin) - part * edge_chunk)

    return compiled_c(engine_tree_forward, 5, dtype)
