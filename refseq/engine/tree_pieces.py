"""How a forest is cut into pieces: ranges of places that are worked on at a time.

A level with enough work is *wide*: its pieces are shared between threads. Other levels follow one another in pieces of
one thread, however many they are: a chain of 100,000 nodes has no more pieces than one level of as many nodes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from refseq.targets.digest import compiled_and_cached


class Order(NamedTuple):
    """A forest by place: ``order``, ``parents``, ``levels``, ``bounds`` as in ``refseq.trees.forest``; the edges below
    the node at place i are offsets[i] <= e < offsets[i + 1]: the child's place and its position."""

    order: np.ndarray
    parents: np.ndarray
    levels: np.ndarray
    bounds: np.ndarray
    offsets: np.ndarray
    ends: np.ndarray
    places: np.ndarray


@compiled_and_cached
def _cut(bounds, offsets, begin, rows, edges, wide, parts, cuts, levels):
    """Writes where pieces begin, and the level of wide ones, else -1; returns their number."""
    count, low, nodes = 0, begin, len(offsets) - 1
    for level in range(len(bounds) - 1):
        first, last = max(bounds[level], begin), bounds[level + 1]
        shared = last - first >= wide
        most, more = rows, edges
        if shared:
            if low < first:
                cuts[count], levels[count] = low, -1
                count += 1
                low = first
            pieces = (last - first + rows * parts - 1) // (rows * parts)
            most, more = (last - first + pieces - 1) // pieces, edges * parts
        for i in range(first, last):
            if i > low and (i - low >= most or offsets[i + 1] - offsets[low] > more):
                cuts[count], levels[count] = low, level if shared else -1
                count += 1
                low = i
        if shared and low < last:
            cuts[count], levels[count] = low, level
            count += 1
            low = last
    if low < nodes:
        cuts[count], levels[count] = low, -1
        count += 1
    cuts[count] = nodes
    return count


@dataclass(frozen=True)
class Pieces:
    """cuts    first place of every piece, and the end
    parts   into how many parts every piece is cut: one of a narrow piece, and all of a group into as many
    groups  ranges of pieces that follow one another without waiting: of one wide level, or narrow ones
    """

    cuts: np.ndarray
    parts: np.ndarray
    groups: tuple[tuple[int, int], ...]
    offsets: np.ndarray

    @cached_property
    def most(self) -> int:
        """The most parts of a piece."""
        return int(self.parts.max(initial=1))

    @cached_property
    def shares(self) -> tuple[int, int]:
        """The most nodes, and edges, of a part of a piece."""
        first, count, nodes, edges = self.cuts[:-1], np.diff(self.cuts), 1, 1
        for part in range(self.most):
            low, high = (first + count * np.minimum(part + k, self.parts) // self.parts for k in (0, 1))
            nodes = max(nodes, int((high - low).max(initial=0)))
            edges = max(edges, int((self.offsets[high] - self.offsets[low]).max(initial=0)))
        return nodes, edges


def pieces(order: Order, begin: int, rows: int, share: int, parts: int, most: int) -> Pieces:
    """The pieces from the place ``begin`` on: of at most ``rows`` nodes for each part; levels of at least 2 ``share``
    nodes are shared between at most ``parts``, each with about ``share`` nodes or more. A group has about ``most``
    nodes."""
    nodes = len(order.order)
    cuts, levels = np.empty(nodes + 1, np.int64), np.empty(nodes, np.int64)
    far = nodes + 1
    limit = 2 * share if parts > 1 else far
    count = _cut(order.bounds, order.offsets, begin, rows, 4 * rows, limit, parts, cuts, levels)
    cuts, levels = cuts[: count + 1].copy(), levels[:count].copy()
    each = max(1, most // rows)
    groups, first = [], 0
    for piece in range(1, count + 1):
        if piece == count or piece - first == each or levels[piece] != levels[first]:
            groups.append((first, piece))
            first = piece
    counts = np.ones(count, np.int64)
    for first, last in groups:
        if levels[first] >= 0:
            counts[first:last] = min(parts, max(1, int(np.diff(cuts[first : last + 1]).max()) // share))
    return Pieces(cuts, counts, tuple(groups), order.offsets)
