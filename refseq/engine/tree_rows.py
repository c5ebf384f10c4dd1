"""What a node of a tree sees of its children, and how its rows come from and go to the caller's arrays.

All functions take the forest's table ``tree`` (``refseq.engine.tree_job``) and a range p <= i < q of places on one
level. ``base``, ``edge_base``: the place, and the edge, whose row is the first of the scratch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from numba.extending import register_jitable

from refseq.engine.job import FIELD
from refseq.engine.lines import ALL
from refseq.engine.memory import word
from refseq.engine.rows import copying
from refseq.engine.tree_job import TREE
from refseq.engine.tree_step import moving


@register_jitable
def node_at(tree, i):
    """The number of the node at a place."""
    return word(word(tree, TREE.order), i)


@register_jitable
def edge_from(tree, i):
    """The first edge below the nodes from a place on."""
    return word(word(tree, TREE.offsets), i)


@register_jitable
def level_at(tree, i):
    """The level of the node at a place; it reaches from bound to bound: ``begin_of(tree, level)``."""
    return word(word(tree, TREE.levels), node_at(tree, i))


@register_jitable
def begin_of(tree, level):
    """The first place of a level."""
    return word(word(tree, TREE.bounds), level)


@register_jitable
def states_of(job, i):
    """The states of the node at a place, or of an edge."""
    return word(job, FIELD.s) + i * word(job, FIELD.states) * word(job, FIELD.width) * word(job, FIELD.size)


@register_jitable
def tape_of(job, i):
    """The tape of the node at a place, or of an edge."""
    return word(job, FIELD.tape) + i * word(job, FIELD.stored) * word(job, FIELD.width) * word(job, FIELD.size)


@dataclass(frozen=True)
class Rows:
    """inputs(tree, p, q, base)     rows of x to the scratch, of any levels
    positions(tree, p, q, base)     the children's states side by side to ``old``; returns the positions that occur
    children(tree, p, q, edge_base)    the children's states to ``edge_old``, a row for each edge
    sums(tree, p, q, base)          what the edges make of them, summed, to ``old``; returns the positions that occur
    outputs(tree, p, q)             the new states to the caller's
    cotangents(tree, p, q)          adds the caller's cotangents to ``ds``, which are the parents' or begin at roots
    """

    inputs: Callable
    positions: Callable
    children: Callable
    sums: Callable
    outputs: Callable
    cotangents: Callable


@cache
def rows(dtype: str) -> Rows:
    """The rows in this precision."""
    plain, moves = copying(dtype), moving(dtype)
    copy, add, clear = moves.copy, moves.add, moves.clear
    copy_some, add_some, clear_some = plain.copy, plain.add, plain.clear

    @register_jitable
    def inputs(tree, p, q, base):
        job, count = word(tree, TREE.node), word(tree, TREE.inputs)
        size, padded = word(job, FIELD.size), word(job, FIELD.padded_inputs)
        for i in range(p, q):
            target = word(job, FIELD.x_rows) + (i - base) * padded * size
            copy_some(target, word(tree, TREE.x) + node_at(tree, i) * count * size, count)
            clear_some(target + count * size, padded - count)

    @register_jitable
    def positions(tree, p, q, base):
        job, olds, found = word(tree, TREE.node), word(tree, TREE.olds), 0
        size, row = word(job, FIELD.size), word(job, FIELD.states) * word(job, FIELD.width)
        for i in range(p, q):
            first, last = edge_from(tree, i), edge_from(tree, i + 1)
            target = word(tree, TREE.old) + (i - base) * olds * word(job, FIELD.width) * size
            if (last - first) * word(job, FIELD.states) < olds:
                clear(target, olds * word(job, FIELD.width))
            for e in range(first, last):
                position = word(word(tree, TREE.places), e)
                found |= 1 << position
                copy(target + position * row * size, states_of(job, word(word(tree, TREE.ends), e)), row)
        return found

    @register_jitable
    def children(tree, p, q, edge_base):
        job = word(tree, TREE.node)
        size, row = word(job, FIELD.size), word(job, FIELD.states) * word(job, FIELD.width)
        for e in range(edge_from(tree, p), edge_from(tree, q)):
            target = word(tree, TREE.edge_old) + (e - edge_base) * row * size
            copy(target, states_of(job, word(word(tree, TREE.ends), e)), row)

    @register_jitable
    def sums(tree, p, q, base):
        edge = word(tree, TREE.edge)
        size, row = word(edge, FIELD.size), word(edge, FIELD.states) * word(edge, FIELD.width)
        for i in range(p, q):
            target = word(tree, TREE.old) + (i - base) * row * size
            first, last = edge_from(tree, i), edge_from(tree, i + 1)
            if first == last:
                clear(target, row)
            else:
                copy(target, states_of(edge, first), row)
            for e in range(first + 1, last):
                add(target, states_of(edge, e), row)
        return ALL if edge_from(tree, p) < edge_from(tree, q) else 0

    @register_jitable
    def outputs(tree, p, q):
        job, count = word(tree, TREE.node), word(tree, TREE.outputs)
        size, width = word(job, FIELD.size), word(job, FIELD.width)
        for i in range(p, q):
            place, source = node_at(tree, i) * count * size, states_of(job, i)
            copy_some(word(tree, TREE.y) + place, source, count)
            for k in range(word(job, FIELD.states)):
                copy_some(word(word(tree, TREE.targets), k) + place, source + k * width * size, count)

    @register_jitable
    def cotangents(tree, p, q):
        job, count = word(tree, TREE.node), word(tree, TREE.outputs)
        size, width, states = word(job, FIELD.size), word(job, FIELD.width), word(job, FIELD.states)
        for i in range(p, q):
            node, target = node_at(tree, i), word(job, FIELD.ds) + i * states * width * size
            if word(word(tree, TREE.parents), node) < 0:
                clear(target, states * width)
            if word(tree, TREE.dy):
                add_some(target, word(tree, TREE.dy) + node * count * size, count)
            for k in range(states):
                given = word(word(tree, TREE.cotangents), k)
                if given:
                    add_some(target + k * width * size, given + node * count * size, count)

    return Rows(inputs, positions, children, sums, outputs, cotangents)
