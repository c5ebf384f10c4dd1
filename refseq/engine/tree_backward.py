"""From the roots to the leaves: the adjoint of a piece, level by level: ``da``, cotangents of x and of the children.

A node has one parent, which writes the node's cotangent; so nothing is added up by two threads. The gradients of the
matrices follow from ``da``, which is still in the cache: ``refseq.engine.tree_gradient``.
"""

from functools import cache

from numba.extending import register_jitable

from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.job import FIELD
from refseq.engine.lines import ALL
from refseq.engine.memory import keep_apart, word
from refseq.engine.rows import copying
from refseq.engine.tree_job import TREE
from refseq.engine.tree_rows import begin_of, edge_from, level_at, node_at, rows, states_of, tape_of
from refseq.engine.tree_step import moving, stepping


@cache
def tree_backward(dtype: str) -> CFunction:
    """A part's share of the places first <= i < last, one piece: f(tree, part, first, last, parts)."""
    move, steps, moves, copy_some = rows(dtype), stepping(dtype), moving(dtype), copying(dtype).copy
    copy, add, clear = moves.copy, moves.add, moves.clear
    inputs, positions, children, sums, cotangents = (
        move.inputs,
        move.positions,
        move.children,
        move.sums,
        move.cotangents,
    )
    back, after = steps.back, steps.after

    @register_jitable
    def hand_down(tree, p, q, base):
        """Every child's cotangent from its part of its parent's ``d0``."""
        node = word(tree, TREE.node)
        size, row = word(node, FIELD.size), word(node, FIELD.states) * word(node, FIELD.width)
        for i in range(p, q):
            d0 = word(node, FIELD.d0) + (i - base) * word(tree, TREE.olds) * word(node, FIELD.width) * size
            for e in range(edge_from(tree, i), edge_from(tree, i + 1)):
                target = word(node, FIELD.ds) + word(word(tree, TREE.ends), e) * row * size
                copy(target, d0 + word(word(tree, TREE.places), e) * row * size, row)

    @register_jitable
    def edges(tree, p, q, base, edge_base):
        """The adjoint of the edges below the nodes of a level."""
        node, edge, product = word(tree, TREE.node), word(tree, TREE.edge), word(tree, TREE.product)
        size, width, states = word(edge, FIELD.size), word(edge, FIELD.width), word(edge, FIELD.states)
        row, slots, first = states * width, word(edge, FIELD.slots) * width, edge_from(tree, p)
        for i in range(p, q):
            for e in range(edge_from(tree, i), edge_from(tree, i + 1)):
                target = word(edge, FIELD.ds) + (e - edge_base) * row * size
                copy(target, word(node, FIELD.d0) + (i - base) * row * size, row)
        begin = first - edge_base
        back(
            edge,
            edge_from(tree, q) - first,
            states,
            ALL,
            word(tree, TREE.edge_old) + begin * row * size,
            states_of(edge, first),
            tape_of(edge, first),
            word(edge, FIELD.ds) + begin * row * size,
            word(edge, FIELD.d0) + begin * row * size,
            word(edge, FIELD.dv) + begin * word(edge, FIELD.vectors) * width * size,
            word(edge, FIELD.a) + begin * slots * size,
            product,
        )
        for i in range(p, q):
            sent = word(tree, TREE.sent) + (i - base) * slots * size
            clear(sent, slots)
            for e in range(edge_from(tree, i), edge_from(tree, i + 1)):
                target = word(node, FIELD.ds) + word(word(tree, TREE.ends), e) * row * size
                copy(target, word(edge, FIELD.d0) + (e - edge_base) * row * size, row)
                add(sent, word(edge, FIELD.a) + (e - edge_base) * slots * size, slots)

    @register_jitable
    def inputs_back(tree, first, last, base):
        """The cotangents of x: all rows at once, then to their places."""
        node, edge, product = word(tree, TREE.node), word(tree, TREE.edge), word(tree, TREE.product)
        size, width, padded = word(node, FIELD.size), word(node, FIELD.width), word(node, FIELD.padded_inputs)
        count = word(tree, TREE.inputs)
        dx = word(node, FIELD.dx_rows) + (first - base) * padded * size
        clear(dx, (last - first) * padded)
        a = word(node, FIELD.a) + (first - base) * word(node, FIELD.slots) * width * size
        after(node, last - first, dx, a, product)
        above = max(first, word(tree, TREE.leaves))
        if edge and above < last:
            sent = word(tree, TREE.sent) + (above - base) * word(edge, FIELD.slots) * width * size
            after(edge, last - above, dx + (above - first) * padded * size, sent, product)
        for i in range(first, last):
            copy_some(word(tree, TREE.dx) + node_at(tree, i) * count * size, dx + (i - first) * padded * size, count)

    @register_jitable
    def level(tree, p, q, base, edge_base):
        """The nodes of a level."""
        node, edge, product = word(tree, TREE.node), word(tree, TREE.edge), word(tree, TREE.product)
        size, width, olds = word(node, FIELD.size), word(node, FIELD.width), word(tree, TREE.olds)
        if edge:
            children(tree, p, q, edge_base)
            present = sums(tree, p, q, base)
        else:
            present = positions(tree, p, q, base)
        cotangents(tree, p, q)
        begin = p - base
        back(
            node,
            q - p,
            olds,
            present,
            word(tree, TREE.old) + begin * olds * width * size,
            states_of(node, p),
            tape_of(node, p),
            word(node, FIELD.ds) + p * word(node, FIELD.states) * width * size,
            word(node, FIELD.d0) + begin * olds * width * size,
            word(node, FIELD.dv) + begin * word(node, FIELD.vectors) * width * size,
            word(node, FIELD.a) + begin * word(node, FIELD.slots) * width * size,
            product,
        )
        if not edge:
            hand_down(tree, p, q, base)
        elif present:
            edges(tree, p, q, base, edge_base)

    def engine_tree_backward(tree, part, first, last, parts):
        keep_apart()
        low, high = first + (last - first) * part // parts, first + (last - first) * (part + 1) // parts
        if low < high:
            inputs(tree, low, high, first)  # for the gradients of the matrices
            q = high
            while q > low:
                p = max(low, begin_of(tree, level_at(tree, q - 1)))
                level(tree, p, q, first, edge_from(tree, first))
                q = p
            if word(tree, TREE.inputs):
                inputs_back(tree, low, high, first)

    return compiled_c(engine_tree_backward, 5, dtype)
