"""Tokens of stories and questions: what is known of them before any number is computed."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import arguments

PADDING = -1


@dataclass(frozen=True, eq=False)
class Text:
    """
    story (B, N, J), query (B, Q)   tokens; PADDING after the last word of a sentence
    words (B, N), asked (B,)        how many words there are; a slot without a word is empty
    ages (B, N)                     how many filled slots come after this one
    """

    story: np.ndarray
    query: np.ndarray
    words: np.ndarray
    asked: np.ndarray
    ages: np.ndarray

    @property
    def filled(self) -> np.ndarray:
        """Which slots hold a sentence."""
        return self.words > 0

    @property
    def longest(self) -> int:
        """Words of the longest sentence that there is room for."""
        return max(self.story.shape[2], self.query.shape[1], 1)


def text(story: Any, query: Any, vocabulary: int) -> Text:
    """Of integers. Raises TypeError or ValueError naming the argument."""
    stories, queries = _tokens("story", story, 3, vocabulary), _tokens("query", query, 2, vocabulary)
    if len(stories) != len(queries):
        raise ValueError(f"query: expected {len(stories)} rows like the story, got {len(queries)}")
    if not stories.shape[1]:
        raise ValueError(f"story: expected at least one slot, which may be empty, got shape {stories.shape}")
    words, asked = (stories != PADDING).sum(axis=2), (queries != PADDING).sum(axis=1)
    filled = (words > 0).astype(np.int64)
    after = filled[:, ::-1].cumsum(axis=1)[:, ::-1] - filled
    return Text(stories, queries, words.astype(np.int64), asked.astype(np.int64), after)


def _tokens(name: str, value: Any, axes: int, vocabulary: int) -> np.ndarray:
    given = arguments.integers(name, value)
    if given.ndim != axes:
        raise ValueError(f"{name}: expected {axes} axes, got shape {given.shape}")
    wrong = (given < PADDING) | (given >= vocabulary)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"{name}: expected tokens 0 to {vocabulary - 1}, or -1 as padding; got {given[where]} at {where}"
        )
    late = (given[..., :-1] == PADDING) & (given[..., 1:] != PADDING)
    if late.any():
        where = tuple(int(i) for i in np.argwhere(late)[0])
        raise ValueError(f"{name}: expected no word after padding, got padding at {where} with a word behind it")
    return np.ascontiguousarray(given, np.int64)


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Where each token stands: those of token v are first[v] <= e < first[v + 1], each a row (b, slot, word)."""

    first: np.ndarray
    places: np.ndarray


def occurrences(tokens: np.ndarray, vocabulary: int) -> Occurrences:
    """Of tokens (B, N, J), or (B, Q) as one slot; in ascending order, padding left out."""
    by_slot = tokens if tokens.ndim == 3 else tokens[:, None]
    places = np.argwhere(by_slot != PADDING)
    values = by_slot[tuple(places.T)]
    order = np.argsort(values, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(values, minlength=vocabulary))])
    return Occurrences(first.astype(np.int64), np.ascontiguousarray(places[order], np.int64))
