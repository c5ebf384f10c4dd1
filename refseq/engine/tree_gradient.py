"""The gradients of a tree's matrices and biases from ``da`` of a piece, in parts that share the rows of the matrices.

Every entry is a sum over the nodes, or the edges, from the last place to the first; it begins with what the later
pieces have left. So neither pieces nor threads change a bit. Old states of nodes without children are 0 and are left
out, and so are positions at which no node of the piece has a child.
"""

from functools import cache

import numpy as np
from numba.extending import register_jitable

from refseq.engine import vector
from refseq.engine.calling import caller
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.job import FIELD, GRADIENT, GRADIENT_LINE, OLD, SUM, SUM_LINE, X
from refseq.engine.memory import keep_apart, strip_of, word
from refseq.engine.products import BAND
from refseq.engine.rows import copying, operand
from refseq.engine.tile import WIDE
from refseq.engine.tree_job import TREE
from refseq.engine.tree_rows import edge_from, states_of, tape_of


@cache
def tree_gradient(dtype: str) -> CFunction:
    """A part's share for the places first <= i < last, one piece: f(tree, part, first, last, parts)."""
    add, multiply = copying(dtype).add, caller(7)
    element, size = vector.element_of(dtype), np.dtype(dtype).itemsize
    strip, lanes, band = strip_of(element), vector.lanes(dtype), BAND
    panel = WIDE * lanes

    @register_jitable
    def pack_da(source, stride, first, height, rows, to):
        """Entries from ``first`` on of the last row, then of the one before, in rows of BAND."""
        for r in range(rows):
            here, there = strip(source + ((rows - 1 - r) * stride + first) * size, 0), strip(to + r * band * size, 0)
            for j in range(0, height, lanes):
                there[0, j] = here[0, j]

    @register_jitable
    def pack_operand(source, stride, count, rows, to):
        """The operand's rows in panels, the last row first; what is beyond its entries is not looked at."""
        vectors = (count + lanes - 1) // lanes
        for r in range(rows):
            here, there = strip(source + (rows - 1 - r) * stride * size, 0), strip(to, 0)
            for v in range(vectors):
                columns = panel if v // 2 < vectors // 2 else lanes
                there[0, (v // 2) * rows * panel + r * columns + (v % 2) * lanes] = here[0, v * lanes]

    @register_jitable
    def product(job, line, part, parts, source, stride, a, rows, turned):
        """The gradient of one product's blocks from these rows of its operand and of ``da``."""
        slots, width = word(job, FIELD.slots), word(job, FIELD.width)
        left = word(job, FIELD.left) + part * word(job, FIELD.side_left) * size
        right = word(job, FIELD.right) + part * word(job, FIELD.side_right) * size
        units, count, apart = word(line, GRADIENT.units), word(line, GRADIENT.count), word(line, GRADIENT.stride)
        each = min(band, ((units + parts - 1) // parts + lanes - 1) // lanes * lanes)
        bands = (units + each - 1) // each
        pieces = word(line, GRADIENT.gates) * bands
        low, high = pieces * part // parts, pieces * (part + 1) // parts
        if low < high:
            pack_operand(source, stride, count, rows, right)
        for piece in range(low, high):
            gate, first = piece // bands, piece % bands * each
            height = min(each, units - first)
            here = a + (word(line, GRADIENT.slot) + gate) * width * size
            pack_da(here, slots * width, first, height, rows, left)
            place = word(line, GRADIENT.begin) + (gate * units + first) * apart
            target = word(word(job, FIELD.targets), word(line, GRADIENT.target)) + place * size
            multiply(turned, left, height, rows, right, target, apart, (count + lanes - 1) // lanes)

    @register_jitable
    def biases(job, part, parts, a, rows):
        """Sums of ``da``."""
        slots, width, count = word(job, FIELD.slots), word(job, FIELD.width), word(job, FIELD.sums_count)
        for k in range(count * part // parts, count * (part + 1) // parts):
            line = word(job, FIELD.sums) + k * SUM_LINE
            target = word(word(job, FIELD.targets), word(line, SUM.target)) + word(line, SUM.begin) * size
            for r in range(rows):
                here = a + ((rows - 1 - r) * slots + word(line, SUM.slot)) * width * size
                add(target, here, word(line, SUM.units))

    @register_jitable
    def positions(tree, first, last):
        """A bit for every position at which a node has a child."""
        found = 0
        for e in range(edge_from(tree, first), edge_from(tree, last)):
            found |= 1 << word(word(tree, TREE.places), e)
        return found

    @register_jitable
    def nodes(tree, part, first, last, parts):
        """The gradients of the node's parameters."""
        job, olds, turned = word(tree, TREE.node), word(tree, TREE.olds), word(tree, TREE.turned)
        width, states = word(job, FIELD.width), word(job, FIELD.states)
        present = positions(tree, first, last)
        for k in range(word(job, FIELD.gradients_count)):
            line = word(job, FIELD.gradients) + k * GRADIENT_LINE
            kind, row, begin = word(line, GRADIENT.kind), word(line, GRADIENT.row), 0
            if kind == OLD:
                begin = max(first, word(tree, TREE.leaves)) - first
            absent = kind == OLD and not word(tree, TREE.edge) and (present >> (row // states)) & 1 == 0
            if not absent and first + begin < last:
                x = word(job, FIELD.x_rows)
                source = operand(kind, x, word(tree, TREE.old), states_of(job, first), tape_of(job, first))
                stored = word(job, FIELD.stored)
                stride = operand(kind, word(job, FIELD.padded_inputs), olds * width, states * width, stored * width)
                a = word(job, FIELD.a) + begin * word(job, FIELD.slots) * width * size
                place = source + (begin * stride + row * width) * size
                product(job, line, part, parts, place, stride, a, last - first - begin, turned)
        biases(job, part, parts, word(job, FIELD.a), last - first)

    @register_jitable
    def edges(tree, part, first, last, parts):
        """The gradients of the edge's parameters: of what nodes send, and of what edges add to it."""
        node, job, turned = word(tree, TREE.node), word(tree, TREE.edge), word(tree, TREE.turned)
        width, states, begin = word(job, FIELD.width), word(job, FIELD.states), max(first, word(tree, TREE.leaves))
        if begin >= last:
            return
        padded, stored = word(job, FIELD.padded_inputs), word(job, FIELD.stored)
        sent = word(tree, TREE.sent) + (begin - first) * word(job, FIELD.slots) * width * size
        low = edge_from(tree, first)
        for k in range(word(job, FIELD.gradients_count)):
            line = word(job, FIELD.gradients) + k * GRADIENT_LINE
            kind, row = word(line, GRADIENT.kind), word(line, GRADIENT.row)
            if kind == X:
                x = word(node, FIELD.x_rows) + (begin - first) * padded * size
                product(job, line, part, parts, x, padded, sent, last - begin, turned)
            else:
                source = operand(kind, 0, word(tree, TREE.edge_old), states_of(job, low), tape_of(job, low))
                stride = operand(kind, 0, states * width, states * width, stored * width)
                count, a = edge_from(tree, last) - low, word(job, FIELD.a)
                product(job, line, part, parts, source + row * width * size, stride, a, count, turned)
        biases(job, part, parts, sent, last - begin)

    def engine_tree_gradient(tree, part, first, last, parts):
        keep_apart()
        nodes(tree, part, first, last, parts)
        if word(tree, TREE.edge):
            edges(tree, part, first, last, parts)

    return compiled_c(engine_tree_gradient, 5, dtype)
