"""Decoding of connectionist temporal classification (``refseq.losses.ctc``): which labels a network's frames spell.

    collapse   what a path spells: equal neighbours are made one, then blanks are taken out
    greedy     what the most probable path spells (best path decoding)
    beam       the most probable labels: prefix beam search (A. Hannun et al., arXiv:1408.2873), where all paths that
               spell the same prefix are one hypothesis

Of a prefix the search keeps the logarithms of the probability of its paths that end in a blank, and of those that end
in its last label, which must have a blank before they can say that label again. With a width that nothing is pruned at,
these are the sums over all paths, and the first result is the most probable sequence of labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import read
from refseq.targets import available
from refseq.targets.visiting import guests


@dataclass(frozen=True)
class Labelling:
    """Labels, and the logarithm of the probability found for them: of the one path that was looked at (greedy), or of
    all that were not pruned (beam)."""

    labels: tuple[int, ...]
    log_prob: float


def collapse(path: Any, blank: int = 0) -> tuple[int, ...]:
    """What a path (integers) spells."""
    given = arguments.integers("path", path)
    if given.ndim != 1:
        raise ValueError(f"path: expected shape (T,), got {given.shape}")
    blank = arguments.integer("blank", blank, 0)
    first = np.ones(len(given), bool)
    first[1:] = given[1:] != given[:-1]
    return tuple(given[first & (given != blank)].tolist())


@guests("log_probs")
def greedy(log_probs: np.ndarray, *, lengths: Any = None, blank: int = 0, target: str = "cpu") -> list[Labelling]:
    """Best path decoding of log-probabilities (T, B, C), a result for every row.

    lengths  None (T for all) or integers (B,); what is beyond is not looked at
    blank    which class is the blank
    target   where log_probs may be: the host decodes, on any target, and copies what is on a device

    Of equal classes the first is taken. Logits give the same labels, and log_prob without their normalisation. Raises
    TypeError or ValueError naming the argument; RuntimeError where the target cannot run.
    """
    rows, blank = _rows(log_probs, lengths, blank, target)
    found = []
    for row in rows:
        path = row.argmax(axis=1) if len(row) else np.zeros(0, np.int64)
        found.append(Labelling(collapse(path, blank), float(row.max(axis=1).sum()) if len(row) else 0.0))
    return found


@guests("log_probs")
def beam(
    log_probs: np.ndarray,
    *,
    lengths: Any = None,
    blank: int = 0,
    width: int = 16,
    best: int = 1,
    target: str = "cpu",
) -> list[list[Labelling]]:
    """Prefix beam search over log-probabilities (T, B, C): for every row its ``best`` sequences of labels, the most
    probable one first, or as many as there are of a probability above 0.

    width                   how many prefixes are kept from frame to frame, at least ``best``
    lengths, blank, target  as in ``greedy``

    In double precision. Of equally probable prefixes those come first that do as tuples, so that results are the same
    on every machine that rounds alike, and in any batch. Errors as of ``greedy``.
    """
    rows, blank = _rows(log_probs, lengths, blank, target)
    best = arguments.integer("best", best, 1)
    width = arguments.integer("width", width, best)
    return [_search(row, blank, width)[:best] for row in rows]


def _rows(log_probs: Any, lengths: Any, blank: Any, target: str) -> tuple[list[np.ndarray], int]:
    """The frames (n, C) of every row that count, in double precision, and the blank."""
    available(target)
    given = arguments.readable("log_probs", log_probs, ("T", "B", "C"), None)
    if given.dtype not in (np.float32, np.float64):
        raise TypeError(f"log_probs: expected dtype float32 or float64, got {given.dtype}")
    steps, count, classes = given.shape
    arguments.integer("log_probs: number of classes", classes, 1)
    blank = arguments.integer("blank", blank, 0)
    if blank >= classes:
        raise ValueError(f"blank: expected 0 <= blank < C = {classes}, got {blank}")
    frames = arguments.lengths(lengths, steps, count)
    seen = read(given)
    rows = [seen[: frames[b], b].astype(np.float64) for b in range(count)]
    for b, row in enumerate(rows):
        bad = np.isnan(row) | (row == np.inf)
        if bad.any():
            t, k = np.argwhere(bad)[0].tolist()
            raise ValueError(f"log_probs: expected numbers below inf, got {row[t, k]} at {(t, b, k)}")
    return rows, blank


class _Prefixes:
    """A tree of prefixes: each has a number, by which it is known again when it was pruned and comes back."""

    def __init__(self) -> None:
        self.labels: list[tuple[int, ...]] = [()]
        self.parents = [-1]
        self._children: dict[tuple[int, int], int] = {}

    def child(self, prefix: int, label: int) -> int:
        """The prefix with one label more."""
        found = self._children.setdefault((prefix, label), len(self.labels))
        if found == len(self.labels):
            self.labels.append((*self.labels[prefix], label))
            self.parents.append(prefix)
        return found


def _search(row: np.ndarray, blank: int, width: int) -> list[Labelling]:
    """All that is left at the end, the most probable first."""
    prefixes, kept = _Prefixes(), [0]
    in_blank, in_label = np.zeros(1), np.full(1, -np.inf)
    for frame in row:
        kept, in_blank, in_label = _step(prefixes, kept, in_blank, in_label, frame, blank, width)
    totals = np.logaddexp(in_blank, in_label)
    found = [Labelling(prefixes.labels[prefix], float(p)) for prefix, p in zip(kept, totals, strict=True)]
    return sorted((one for one in found if one.log_prob > -np.inf), key=_order)


def _order(one: Labelling) -> tuple[float, tuple[int, ...]]:
    return -one.log_prob, one.labels


def _step(
    prefixes: _Prefixes,
    kept: Sequence[int],
    in_blank: np.ndarray,
    in_label: np.ndarray,
    frame: np.ndarray,
    blank: int,
    width: int,
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """The prefixes after one frame more."""
    totals, place = np.logaddexp(in_blank, in_label), {prefix: k for k, prefix in enumerate(kept)}
    longer = totals[:, None] + frame[None, :]  # [k, c]: prefix k goes on with label c
    longer[:, blank] = -np.inf
    stay_blank, stay_label = totals + frame[blank], np.full(len(kept), -np.inf)
    for k, prefix in enumerate(kept):
        if prefixes.labels[prefix]:
            last = prefixes.labels[prefix][-1]
            stay_label[k] = in_label[k] + frame[last]
            longer[k, last] = in_blank[k] + frame[last]
    for k, prefix in enumerate(kept):  # one that is kept and is also a longer form of another one: paths of both
        parent = place.get(prefixes.parents[prefix])
        if parent is not None:
            last = prefixes.labels[prefix][-1]
            stay_label[k] = np.logaddexp(stay_label[k], longer[parent, last])
            longer[parent, last] = -np.inf
    scores = np.concatenate([np.logaddexp(stay_blank, stay_label), longer.reshape(-1)])
    least = np.partition(scores, len(scores) - width)[len(scores) - width] if len(scores) > width else -np.inf
    found = []
    for number in np.flatnonzero((scores >= least) & (scores > -np.inf)).tolist():
        if number < len(kept):
            found.append((-scores[number], kept[number], stay_blank[number], stay_label[number]))
        else:
            k, label = divmod(number - len(kept), len(frame))
            found.append((-scores[number], prefixes.child(kept[k], label), -np.inf, scores[number]))
    found.sort(key=lambda one: (one[0], prefixes.labels[one[1]]))
    chosen = found[:width]
    return [one[1] for one in chosen], np.array([one[2] for one in chosen]), np.array([one[3] for one in chosen])
