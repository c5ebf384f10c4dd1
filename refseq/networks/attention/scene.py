"""Which queries and keys count, as whole numbers for the rows (``refseq.networks.attention.tokens``).

Keys that count follow one another in a dense array, whatever was between them; what does not count is never read.
Several heads are rows of their own: R = B * heads.
"""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from refseq.engine.workspace import address

Numbers = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Tokens:
    """Of one side, queries or keys: T steps, the number of those that count for every batch row (B,); ``places``, where
    they are (B, T), the others after them, or None if they are the first ones."""

    steps: int
    counts: np.ndarray
    places: np.ndarray | None = None
    _numbers: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

    def __reduce__(self) -> tuple:
        return Tokens, (self.steps, self.counts, self.places)

    @cached_property
    def inside(self) -> np.ndarray:
        """Which tokens count (T, B)."""
        found, (counts, places) = np.zeros((self.steps, len(self.counts)), bool), self.numbers()
        for b, count in enumerate(counts):
            found[places[b, :count], b] = True
        return found

    @cached_property
    def full(self) -> bool:
        """Whether all count."""
        return self.places is None and bool((self.counts == self.steps).all())

    def numbers(self, heads: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Counts (R,) and places (R, T)."""
        if heads not in self._numbers:
            first = np.arange(self.steps)[None].repeat(len(self.counts), axis=0)
            places = first if self.places is None else self.places
            counts, places = self.counts.repeat(heads), places.repeat(heads, axis=0)
            self._numbers[heads] = np.ascontiguousarray(counts, np.int64), np.ascontiguousarray(places, np.int64)
        return self._numbers[heads]


@dataclass(frozen=True, eq=False)
class Scene:
    """Who sees whom: query i of row b sees the first seen[b, i] of the keys that count."""

    queries: Tokens
    keys: Tokens
    seen: np.ndarray
    _numbers: dict[tuple[int, int], Numbers] = field(default_factory=dict, repr=False)
    _addresses: dict[tuple[int, int], dict[str, int]] = field(default_factory=dict, repr=False)

    def __reduce__(self) -> tuple:
        return Scene, (self.queries, self.keys, self.seen)  # addresses are those of this scene's own numbers

    def addresses(self, scaled: int, heads: int = 1) -> dict[str, int]:
        """Where ``numbers`` are, as long as this is there."""
        found = self._addresses.get((scaled, heads))
        if found is None:
            found = {name: address(array) for name, array in self.numbers(scaled, heads).items()}
            self._addresses[scaled, heads] = found
        return found

    def numbers(self, scaled: int, heads: int = 1) -> Numbers:
        """What rows are given, by name. ``scaled``: the numbers of a key if scores are divided by its root, else 0."""
        found = self._numbers.get((scaled, heads))
        if found is None:
            (q_counts, firsts), (k_counts, places) = self.queries.numbers(heads), self.keys.numbers(heads)
            each = q_counts, k_counts, np.full_like(k_counts, scaled), np.full_like(k_counts, self.keys.places is None)
            found = {
                "sizes": np.ascontiguousarray(np.stack(each, axis=1), np.int64),
                "seen": self.seen.repeat(heads, axis=0),
                "q_counts": q_counts,
                "k_counts": k_counts,
                "firsts": firsts,
                "places": places,
            }
            self._numbers[scaled, heads] = found
        return found


def keys_of(steps: int, counts: np.ndarray, mask: np.ndarray | None) -> Tokens:
    """Keys within their lengths (B,); ``mask`` (T, B) says which of them count."""
    if mask is None:
        return Tokens(steps, counts)
    inside = mask & (np.arange(steps)[:, None] < counts[None, :])
    return Tokens(steps, inside.sum(axis=0), np.argsort(~inside.T, axis=1, kind="stable"))


@lru_cache(maxsize=64)
def whole(steps: int, rows: int) -> Tokens:
    """All count, which is the most frequent case: remembered."""
    return Tokens(steps, np.full(rows, steps, np.int64))


def scene_of(queries: Tokens, keys: Tokens, causal: bool) -> Scene:
    """``causal``: query t sees keys up to time t."""
    if queries.full and keys.full:
        return _whole(len(keys.counts), queries.steps, keys.steps, causal)
    return _scene(queries, keys, causal)


@lru_cache(maxsize=64)
def _whole(rows: int, tq: int, tk: int, causal: bool) -> Scene:
    """Without padding: remembered."""
    return _scene(whole(tq, rows), whole(tk, rows), causal)


def _scene(queries: Tokens, keys: Tokens, causal: bool) -> Scene:
    seen = np.repeat(keys.counts[:, None], queries.steps, axis=1)
    if causal and keys.steps:
        before = np.cumsum(keys.inside, axis=0)  # keys that count, up to time t
        seen = before[np.minimum(np.arange(queries.steps), keys.steps - 1)].T
    seen = np.where(queries.inside.T, seen, 0)
    return Scene(queries, keys, np.ascontiguousarray(seen, np.int64))
