"""Which queries and keys count, and the way from the caller's arrays (T, B, D) to dense ones (R, T, width) and back.

Keys that count follow one another in a dense array, whatever was between them; what does not count is never read.
Several heads are rows of their own: R = B * heads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from refseq import arrays
from refseq.arrays import Elsewhere, contiguous
from refseq.engine.results import cleared, result


def zeros(shape: tuple[int, ...], like: np.ndarray) -> np.ndarray:
    """Zeros in the field of ``like``; of floats in memory that is used again."""
    here = like.dtype.kind == "f" and not isinstance(like, Elsewhere)
    return cleared(shape, like.dtype) if here else arrays.zeros(shape, like)


def copied(array: np.ndarray) -> np.ndarray:
    """A contiguous copy; of floats in memory that is used again."""
    if isinstance(array, Elsewhere):
        return array.copy()
    if array.dtype.kind != "f":
        return array.copy(order="C")
    made = result(array.shape, array.dtype)
    made[...] = array
    return made


@dataclass(frozen=True, eq=False)
class Tokens:
    """Of one side, queries or keys: T steps, the number of those that count for every batch row (B,); ``places``, where
    they are (B, T), or None if they are the first ones."""

    steps: int
    counts: np.ndarray
    places: np.ndarray | None = None

    @cached_property
    def inside(self) -> np.ndarray:
        """Which tokens count (T, B)."""
        if self.places is None:
            return np.arange(self.steps)[:, None] < self.counts[None, :]
        found = np.zeros((self.steps, len(self.counts)), bool)
        for b, count in enumerate(self.counts):
            found[self.places[b, :count], b] = True
        return found

    @cached_property
    def full(self) -> bool:
        """Whether all count."""
        return self.places is None and bool((self.counts == self.steps).all())

    def dense(self, x: np.ndarray, width: Callable[[int], int], heads: int = 1) -> np.ndarray:
        """The tokens of x (T, B, heads * D) that count."""
        steps, rows, entries = x.shape
        size = entries // heads
        # rows, heads, time, entries
        source = x.reshape(steps, rows, heads, size).transpose(1, 2, 0, 3)
        if self.full and (width(steps), width(size)) == (steps, size):
            return copied(source).reshape(rows * heads, steps, size)
        made = zeros((rows * heads, width(steps), width(size)), x)
        target = made.reshape(rows, heads, width(steps), width(size))
        if self.full:
            target[:, :, :steps, :size] = source
            return made
        if isinstance(x, Elsewhere):
            taken = arrays.rows(x.reshape(steps * rows, entries), self._sources(width(steps)).reshape(-1))
            target[..., :size] = taken.reshape(rows, width(steps), heads, size).transpose(0, 2, 1, 3)
            return made
        for b, count in enumerate(self.counts):
            where = slice(count) if self.places is None else self.places[b, :count]
            target[b, :, :count, :size] = source[b][:, where]
        return made

    def _sources(self, wide: int) -> np.ndarray:
        """Which row of x (T * B, .) every dense token is of, (B, wide); -1 for none."""
        rows, steps = len(self.counts), self.steps
        places = np.broadcast_to(np.arange(steps), (rows, steps)) if self.places is None else self.places
        found = np.full((rows, wide), -1)
        found[:, :steps] = np.where(
            np.arange(steps) < self.counts[:, None], places * rows + np.arange(rows)[:, None], -1
        )
        return found

    def _places(self, wide: int) -> np.ndarray:
        """The inverse: which of the dense tokens (B * wide) every one of (T, B) is; -1 for none."""
        sources = self._sources(wide).reshape(-1)
        found = np.full(self.steps * len(self.counts), -1)
        found[sources[sources >= 0]] = np.flatnonzero(sources >= 0)
        return found

    def scattered(self, made: np.ndarray, size: int, heads: int = 1) -> np.ndarray:
        """The inverse of ``dense``: (T, B, heads * size), 0 for tokens that do not count."""
        rows = len(self.counts)
        source = made.reshape(rows, heads, *made.shape[1:])[..., :size]
        if self.full:
            x = copied(source[:, :, : self.steps].transpose(2, 0, 1, 3))
            return x.reshape(self.steps, rows, heads * size)
        if isinstance(made, Elsewhere):
            together = contiguous(source.transpose(0, 2, 1, 3)).reshape(rows * made.shape[1], heads * size)
            return arrays.rows(together, self._places(made.shape[1])).reshape(self.steps, rows, heads * size)
        x = zeros((self.steps, rows, heads, size), made)
        target = x.transpose(1, 2, 0, 3)
        for b, count in enumerate(self.counts):
            where = slice(count) if self.places is None else self.places[b, :count]
            target[b][:, where] = source[b, :, :count]
        return x.reshape(self.steps, rows, heads * size)


@dataclass(frozen=True, eq=False)
class Scene:
    """Who sees whom: query i of row b sees the first seen[b, i] of the keys that count."""

    queries: Tokens
    keys: Tokens
    seen: np.ndarray

    def sizes(self, scaled: int, heads: int) -> np.ndarray:
        """Queries, keys and this number, for every row and head."""
        each = np.stack([self.queries.counts, self.keys.counts, np.full_like(self.keys.counts, scaled)], axis=1)
        return np.repeat(each, heads, axis=0)

    def weights_of(self, dense: np.ndarray, heads: int = 1) -> np.ndarray:
        """Weights (Tq, B, Tk), or (Tq, B, heads, Tk) if there are several, 0 for keys that do not count."""
        rows, (tq, tk) = len(self.seen), (self.queries.steps, self.keys.steps)
        source = dense.reshape(rows, heads, *dense.shape[1:])
        if self.keys.places is None:
            found = copied(source[:, :, :tq, :tk].transpose(2, 0, 1, 3))
        elif isinstance(dense, Elsewhere):  # a key's weights as a token: a number for each of the queries
            found = self.keys.scattered(contiguous(dense.transpose(0, 2, 1)), tq, heads)
            found = copied(found.reshape(tk, rows, heads, tq).transpose(3, 1, 2, 0))
        else:
            found = zeros((tq, rows, heads, tk), dense)
            target = found.transpose(1, 2, 0, 3)
            for b, count in enumerate(self.keys.counts):
                target[b][:, :, self.keys.places[b, :count]] = source[b, :, :tq, :count]
        return found.reshape(tq, rows, tk) if heads == 1 else found

    def dense_weights(self, weights: np.ndarray, width: Callable[[int], int], heads: int = 1) -> np.ndarray:
        """Cotangents of weights (Tq, B, Tk) or (Tq, B, heads, Tk), dense; 0 where a query sees nothing."""
        rows, (tq, tk) = len(self.seen), (self.queries.steps, self.keys.steps)
        if isinstance(weights, Elsewhere):  # as in ``weights_of``
            made = Tokens(tq, self.queries.counts).dense(weights.reshape(tq, rows, heads * tk), width, heads)
            if self.keys.full:
                return made
            wide = made.shape[1]
            each = made.reshape(rows, heads, wide, made.shape[2])[..., :tk].transpose(3, 0, 1, 2)
            return contiguous(self.keys.dense(each.reshape(tk, rows, heads * wide), width, heads).transpose(0, 2, 1))
        made = zeros((rows * heads, width(tq), width(tk)), weights)
        target = made.reshape(rows, heads, *made.shape[1:])
        source = weights.reshape(tq, rows, heads, tk).transpose(1, 2, 0, 3)
        for b, (count, keys) in enumerate(zip(self.queries.counts, self.keys.counts, strict=True)):
            where = slice(keys) if self.keys.places is None else self.keys.places[b, :keys]
            target[b, :, :count, :keys] = source[b][:, :count, where]
        return made


def keys_of(steps: int, counts: np.ndarray, mask: np.ndarray | None) -> Tokens:
    """Keys within their lengths (B,); ``mask`` (T, B) says which of them count."""
    if mask is None:
        return Tokens(steps, counts)
    inside = mask & (np.arange(steps)[:, None] < counts[None, :])
    return Tokens(steps, inside.sum(axis=0), np.argsort(~inside.T, axis=1, kind="stable"))


def scene_of(queries: Tokens, keys: Tokens, causal: bool) -> Scene:
    """``causal``: query t sees keys up to time t."""
    if queries.full and keys.full:
        return _whole(len(keys.counts), queries.steps, keys.steps, causal)
    return _scene(queries, keys, causal)


@lru_cache(maxsize=64)
def _whole(rows: int, tq: int, tk: int, causal: bool) -> Scene:
    """Without padding, which is the most frequent case: remembered."""
    return _scene(Tokens(tq, np.full(rows, tq, np.int64)), Tokens(tk, np.full(rows, tk, np.int64)), causal)


def _scene(queries: Tokens, keys: Tokens, causal: bool) -> Scene:
    seen = np.repeat(keys.counts[:, None], queries.steps, axis=1)
    if causal and keys.steps:
        before = np.cumsum(keys.inside, axis=0)  # keys that count, up to time t
        seen = before[np.minimum(np.arange(queries.steps), keys.steps - 1)].T
    seen = np.where(queries.inside.T, seen, 0)
    return Scene(queries, keys, np.ascontiguousarray(seen, np.int64))
