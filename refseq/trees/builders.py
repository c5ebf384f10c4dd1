"""Forests from lists of children or of parents, of a given shape, and joined from others."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from refseq import arguments
from refseq.trees.forest import Forest, axis_of_integers


def from_children(children: Sequence[Sequence[int | None]], labels: Sequence[str] | None = None) -> Forest:
    """The forest in which node n has these children, in order; None leaves a position empty.

    ``from_children([[], [], [0, 1], [None, 2]])``: node 2 has the children 0 and 1; node 3 has 2 as its second child.
    Raises TypeError or ValueError naming the node, for what is no list of nodes and as ``Forest`` does.
    """
    kept = []
    for node, own in enumerate(_listed("children", children)):
        entries = enumerate(_listed(f"children[{node}]", own))
        pairs = [(place, child) for place, child in entries if child is not None]
        kept.append([(place, arguments.integer(f"children[{node}][{place}]", child, 0)) for place, child in pairs])
    offsets = np.cumsum([0, *map(len, kept)])
    edges = [pair for own in kept for pair in own]
    below, places = np.array([child for _, child in edges]), np.array([place for place, _ in edges])
    return Forest(offsets, below, places, labels)


def from_parents(parents: np.ndarray | Sequence[int], labels: Sequence[str] | None = None) -> Forest:
    """The forest in which node n hangs below parents[n], or is a root if that is -1; children in ascending order.
    Raises TypeError or ValueError naming the node."""
    above = axis_of_integers("parents", parents)
    nodes = len(above)
    bad = np.flatnonzero((above < -1) | (above >= nodes))
    if bad.size:
        raise ValueError(f"parents[{bad[0]}]: expected -1 <= parent < {nodes}, got {above[bad[0]]}")
    below = np.flatnonzero(above >= 0)
    counts = np.bincount(above[below], minlength=nodes)
    children = below[np.argsort(above[below], kind="stable")]
    return Forest(np.concatenate([[0], np.cumsum(counts)]), children, labels=labels)


def chain(nodes: int) -> Forest:
    """One path: node 0 is the leaf and node n has the child n - 1. A recursive network on it is a recurrent one."""
    count = arguments.integer("nodes", nodes, 0)
    return Forest(np.maximum(np.arange(count + 1) - 1, 0), np.arange(max(count - 1, 0)))


def balanced(leaves: int) -> Forest:
    """A binary tree over so many leaves, numbered from left to right, of the least depth: ceil(log2 leaves).

    Neighbours are joined, level by level; where their number is odd, the last one moves up by itself.
    """
    leaves = arguments.integer("leaves", leaves, 1)
    level, following, pairs = np.arange(leaves), leaves, []
    while len(level) > 1:
        joined = np.arange(following, following + len(level) // 2)
        pairs.append(level[: 2 * len(joined)])
        following += len(joined)
        level = np.concatenate([joined, level[2 * len(joined) :]])
    children = np.concatenate(pairs) if pairs else np.zeros(0, np.int64)
    offsets = np.concatenate([np.zeros(leaves, np.int64), np.arange(0, len(children) + 1, 2)])
    return Forest(offsets, children)


def join(forests: Sequence[Forest]) -> Forest:
    """All trees of these forests as one forest; the nodes keep their order. Labels are kept if all have them. Raises
    TypeError for what is no forest."""
    forests = _listed("forests", forests)
    for number, forest in enumerate(forests):
        if not isinstance(forest, Forest):
            raise TypeError(f"forests[{number}]: expected a Forest, got {type(forest).__name__}")
    nodes = np.cumsum([0, *(forest.nodes for forest in forests)])
    edges = np.cumsum([0, *(len(forest.children) for forest in forests)])
    offsets = [forest.offsets[:-1] + edge for forest, edge in zip(forests, edges, strict=False)]
    children = [forest.children + node for forest, node in zip(forests, nodes, strict=False)]
    labels = [forest.labels for forest in forests if forest.labels is not None]
    return Forest(
        np.concatenate([*offsets, edges[-1:]]),
        np.concatenate([np.zeros(0, np.int64), *children]),
        np.concatenate([np.zeros(0, np.int64), *(forest.positions for forest in forests)]),  # type: ignore[list-item]
        tuple(label for own in labels for label in own) if forests and len(labels) == len(forests) else None,
    )


def _listed(name: str, value: Any) -> list:
    """The entries of a list, tuple or array, in their order."""
    if isinstance(value, str) or not isinstance(value, (Sequence, np.ndarray)):
        raise TypeError(f"{name}: expected a list, got {type(value).__name__}")
    return list(value)
