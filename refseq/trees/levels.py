"""The loops through a forest that find its parents, its levels and the order of its nodes, each linear in the nodes.

Forests are as in ``refseq.trees.forest``; arrays are written in place.
"""

from functools import partial

import numpy as np

from refseq.targets.digest import compiled_and_cached

allocating = partial(compiled_and_cached, allocates=True)


@compiled_and_cached
def parents_of(offsets, children, parents):
    """Writes the parent of every node; returns a node that has two, or -1."""
    for node in range(len(offsets) - 1):
        for edge in range(offsets[node], offsets[node + 1]):
            child = children[edge]
            if parents[child] != -1:
                return child
            parents[child] = node
    return -1


@allocating
def levels_of(offsets, parents, levels, ready):
    """Writes the level of every node; returns how many there are, fewer than all where a node is below itself."""
    done = 0
    waiting = offsets[1:] - offsets[:-1]
    for node in range(len(parents)):
        if waiting[node] == 0:
            ready[done] = node
            done += 1
    first = 0
    while first < done:
        node = ready[first]
        first += 1
        parent = parents[node]
        if parent != -1:
            levels[parent] = levels[node] + 1  # the queue ascends: the last child to come is on the highest level
            waiting[parent] -= 1
            if waiting[parent] == 0:
                ready[done] = parent
                done += 1
    return done


@allocating
def sort_by_level(levels, bounds, order):
    """Writes the nodes level by level, in ascending order, and where each level begins (a counting sort)."""
    for level in levels:
        bounds[level + 1] += 1
    for level in range(len(bounds) - 1):
        bounds[level + 1] += bounds[level]
    place = bounds.copy()
    for node in range(len(levels)):
        order[place[levels[node]]] = node
        place[levels[node]] += 1


@compiled_and_cached
def top_down(values, parents, order):
    """Every node that has a parent takes its parent's value, from the roots down."""
    for i in range(len(order) - 1, -1, -1):
        node = order[i]
        if parents[node] != -1:
            values[node] = values[parents[node]]


@allocating
def edges_by_place(order, offsets, children, positions, first, ends, places):
    """Writes the edges in the order of their parents' places: the first one of every place, the child's place and its
    position."""
    place = np.empty_like(order)
    for i in range(len(order)):
        place[order[i]] = i
    count = 0
    for i in range(len(order)):
        first[i] = count
        for edge in range(offsets[order[i]], offsets[order[i] + 1]):
            ends[count], places[count] = place[children[edge]], positions[edge]
            count += 1
    first[len(order)] = count
