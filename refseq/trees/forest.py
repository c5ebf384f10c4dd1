"""A forest in arrays: the children of every node, and the order in which a network visits the nodes.

The nodes are numbered 0..N-1 in any way. The level of a node is the length of the longest path down to a leaf: leaves
have level 0, a parent is on a higher level than its children, and nodes of one level do not depend on one another. So a
network goes through the levels from the leaves to the roots, and its adjoint the other way. Everything is computed in
time linear in the nodes, by loops and never by recursion: a chain of 100,000 nodes is as good as a balanced tree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from refseq import arguments
from refseq.trees.levels import edges_by_place, levels_of, parents_of, sort_by_level, top_down


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees that share one numbering of nodes.

    offsets, children  the children of node n are children[offsets[n]:offsets[n+1]], in order
    positions   the position of each of them among its parent's children: 0, 1, ... unless a place is left empty
    labels      a tuple with a string for every node, or None
    parents     -1 for a root            levels  see the module's text
    order       nodes by level, ascending within a level; level l is order[bounds[l]:bounds[l+1]]

    The arrays are int64 and cannot be written to. Raises TypeError or ValueError, naming the node, for an index out of
    range, a node with two parents (a shared subtree has to be given once for each) or below itself, positions that do
    not ascend.
    """

    offsets: np.ndarray
    children: np.ndarray
    positions: np.ndarray | None = None
    labels: Sequence[str] | None = None
    parents: np.ndarray = field(init=False, repr=False)
    levels: np.ndarray = field(init=False, repr=False)
    order: np.ndarray = field(init=False, repr=False)
    bounds: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        offsets, children = axis_of_integers("offsets", self.offsets), axis_of_integers("children", self.children)
        _check_offsets(offsets, children)
        _check_range(offsets, children)
        if self.positions is None:
            positions = without_gaps(offsets)
        else:
            positions = axis_of_integers("positions", self.positions)
            _check_positions(positions, offsets, children)
        nodes = len(offsets) - 1
        parents, levels = np.full(nodes, -1), np.zeros(nodes, np.int64)
        twice = parents_of(offsets, children, parents)
        if twice != -1:
            raise ValueError(f"children: expected one parent for every node, got two for node {twice}")
        if levels_of(offsets, parents, levels, np.empty(nodes, np.int64)) < nodes:
            raise ValueError(f"children: expected trees, got node {_below_itself(parents)} below itself")
        bounds, order = np.zeros(int(levels.max(initial=-1)) + 2, np.int64), np.empty(nodes, np.int64)
        sort_by_level(levels, bounds, order)
        arrays = {"offsets": offsets, "children": children, "positions": positions}
        arrays |= {"parents": parents, "levels": levels, "order": order, "bounds": bounds}
        for name, array in arrays.items():
            object.__setattr__(self, name, _sealed(array))
        object.__setattr__(self, "labels", _checked_labels(self.labels, nodes))

    def __reduce__(self) -> tuple:
        return Forest, (self.offsets, self.children, self.positions, self.labels)  # what is copied is sealed again

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.parents)

    @property
    def depth(self) -> int:
        """Edges on the longest path from a root to a leaf; 0 without nodes."""
        return max(len(self.bounds) - 2, 0)

    @property
    def arity(self) -> int:
        """Positions that a parent needs for its children: 2 for binary trees."""
        return int(self.positions.max(initial=-1)) + 1  # type: ignore[union-attr] - set when the forest is made

    @cached_property
    def roots(self) -> np.ndarray:
        """The nodes without parent, one for each tree, in ascending order."""
        return _sealed(np.flatnonzero(self.parents == -1))

    @property
    def leaves(self) -> np.ndarray:
        """The nodes without children, in ascending order."""
        return self.order[: self.bounds[1]] if self.nodes else self.order

    @cached_property
    def tree(self) -> np.ndarray:
        """For every node the number of its tree, in the order of ``roots``."""
        number = np.zeros(self.nodes, np.int64)
        number[self.roots] = np.arange(len(self.roots))
        top_down(number, self.parents, self.order)
        return _sealed(number)

    @cached_property
    def edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The edges by the place of the parent in ``order``: those below order[i] are first[i] <= e < first[i + 1] of
        (first, ends, positions); ends has the child's place, positions its position."""
        first, count = np.zeros(self.nodes + 1, np.int64), len(self.children)
        ends, places = np.empty(count, np.int64), np.empty(count, np.int64)
        edges_by_place(self.order, self.offsets, self.children, self.positions, first, ends, places)
        return _sealed(first), _sealed(ends), _sealed(places)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Forest):
            return NotImplemented
        same = (
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("offsets", "children", "positions")
        )
        return all(same) and self.labels == other.labels

    __hash__ = None  # type: ignore[assignment] - it compares by value

    def __repr__(self) -> str:
        return f"<forest of {len(self.roots)} trees, {self.nodes} nodes, depth {self.depth}>"


def axis_of_integers(name: str, value: Any) -> np.ndarray:
    """A private int64 copy of integers along one axis. Raises TypeError or ValueError naming them."""
    given = arguments.integers(name, value)
    if given.ndim != 1:
        raise ValueError(f"{name}: expected one axis, got shape {given.shape}")
    if given.dtype.kind == "u" and given.max(initial=0) >= 2**63:
        raise ValueError(f"{name}: expected integers below 2^63, got {given.max()}")
    return given.astype(np.int64)


def without_gaps(offsets: np.ndarray) -> np.ndarray:
    """The positions 0, 1, ... of every parent's children."""
    return np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))


def _sealed(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def _checked_labels(labels: Any, nodes: int) -> tuple[str, ...] | None:
    if labels is None:
        return None
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        raise TypeError(f"labels: expected a list of strings, got {type(labels).__name__}")
    found = tuple(labels)
    if len(found) != nodes:
        raise ValueError(f"labels: expected one for each of {nodes} nodes, got {len(found)}")
    for node, label in enumerate(found):
        if not isinstance(label, str):
            raise TypeError(f"labels[{node}]: expected a string, got {type(label).__name__}")
    return found


def _owner(offsets: np.ndarray, edge: int) -> int:
    """The node that this entry of ``children`` belongs to."""
    return int(np.searchsorted(offsets, edge, side="right")) - 1


def _check_offsets(offsets: np.ndarray, children: np.ndarray) -> None:
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(children) or np.any(np.diff(offsets) < 0):
        raise ValueError(f"offsets: expected to ascend from 0 to the number of children, {len(children)}")


def _check_range(offsets: np.ndarray, children: np.ndarray) -> None:
    nodes = len(offsets) - 1
    outside = np.flatnonzero((children < 0) | (children >= nodes))
    if outside.size:
        child, owner = children[outside[0]], _owner(offsets, outside[0])
        raise ValueError(f"children: expected nodes 0 <= child < {nodes}, got {child} below node {owner}")


def _check_positions(positions: np.ndarray, offsets: np.ndarray, children: np.ndarray) -> None:
    if positions.shape != children.shape:
        raise ValueError(f"positions: expected shape {children.shape} like children, got {positions.shape}")
    inside = np.ones(len(positions), bool)
    inside[offsets[:-1][np.diff(offsets) > 0]] = False  # the first child of each parent follows no other
    falls = np.flatnonzero((positions < 0) | (inside & (np.diff(positions, prepend=-1) <= 0)))
    if falls.size:
        raise ValueError(
            f"positions: expected to ascend from 0 or more, got others at node {_owner(offsets, falls[0])}"
        )


def _below_itself(parents: np.ndarray) -> int:
    """A node on a cycle: where 2^k >= N steps upwards lead, if they end at no root."""
    above = np.where(parents < 0, np.arange(len(parents)), parents)
    at = above
    for _ in range(len(parents).bit_length()):
        at = at[at]
    return int(at[parents[at] != -1][0])
