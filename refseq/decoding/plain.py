"""Greedy decoding, and search among all sequences: what beam search is at its least and its greatest width."""

from typing import Any

import numpy as np

from refseq import arguments
from refseq.decoding.beam import Decoded, weights
from refseq.decoding.model import Step, gathered, scores_on_host, started

LARGEST = 1 << 22
"""Sequences that ``exhaustive`` goes through at most."""


def greedy(
    step: Step,
    state: Any,
    first: np.ndarray,
    *,
    cap: int,
    stop: int | None = None,
    alpha: float = 0.75,
    target: str = "cpu",
) -> Decoded:
    """Take the most probable symbol at every step, of equal ones the lowest. Arguments, result (n = 1) and errors as of
    ``beam_search``; the host compares, and copies log-probabilities that are on a device."""
    arguments.integer("cap", cap, 0)
    tokens = started(state, first, target)
    rows = len(tokens)
    end = -1 if stop is None else arguments.integer("stop", stop, 0)
    going, alive = np.ones(rows, bool), np.ones(rows, bool)
    total, chosen = np.zeros(rows), []
    for _ in range(cap):
        if not going.any():
            break
        given, state = step(state, tokens)
        logp = scores_on_host(given, rows, target=target)
        logp = np.where(np.isnan(logp), -np.inf, logp)
        total = total.astype(logp.dtype, copy=False)
        tokens = logp.argmax(axis=1)
        reached = logp[np.arange(rows), tokens]
        alive &= ~(going & (reached == -np.inf))
        going &= alive
        total = np.where(going, total + np.where(going, reached, 0), total)
        chosen.append(np.where(going, tokens, -1))
        going = going & (tokens != end)
    found = np.stack(chosen, axis=1) if chosen else np.zeros((rows, 0), np.int64)
    found[~alive] = -1
    lengths = (found >= 0).sum(axis=1)
    total = np.where(alive, total, -np.inf)
    scores = (total * weights(alpha, cap)[lengths]).astype(total.dtype)
    return Decoded(*(array[:, None] for array in (found, lengths, total, scores, alive & ~going)))


def exhaustive(
    step: Step,
    state: Any,
    first: np.ndarray,
    *,
    cap: int,
    stop: int | None = None,
    alpha: float = 0.75,
    best: int = 1,
    target: str = "cpu",
) -> Decoded:
    """The best of all sequences that end in the stop symbol or at the cap, by going through them: for small V and caps.
    Arguments, result and errors as of ``greedy``; of equal scores the sequence that comes first in a dictionary.
    ValueError for more than ``LARGEST`` sequences at a time."""
    arguments.integer("cap", cap, 0)
    arguments.integer("best", best, 1)
    tokens = started(state, first, target)
    rows, weight = len(tokens), weights(alpha, cap)
    end = -1 if stop is None else arguments.integer("stop", stop, 0)
    whole: list[list[tuple]] = [[] for _ in range(rows)]
    owner, total, prefix = np.arange(rows), np.zeros(rows), np.zeros((rows, 0), np.int64)
    for t in range(cap):
        if not len(owner):
            break
        given, state = step(state, tokens)
        logp = scores_on_host(given, len(tokens), target=target)
        if logp.size > LARGEST:
            raise ValueError(f"cap: expected at most {LARGEST} sequences, got {logp.size} after {t + 1} symbols")
        reached = total.astype(logp.dtype)[:, None] + logp
        parent, symbol = np.nonzero(reached > -np.inf)
        total, owner, tokens = reached[parent, symbol], owner[parent], symbol
        prefix = np.concatenate([prefix[parent], symbol[:, None]], axis=1)
        state, done = gathered(state, parent, target=target), symbol == end
        for k in np.flatnonzero(done):
            whole[owner[k]].append((total[k] * weight[t + 1], total[k], tuple(prefix[k].tolist()), True))
        going = np.flatnonzero(~done)
        total, owner, tokens, prefix, state = (
            total[going],
            owner[going],
            tokens[going],
            prefix[going],
            gathered(state, going, target=target),
        )
    for k, b in enumerate(owner):
        whole[b].append((total[k] * weight[prefix.shape[1]], total[k], tuple(prefix[k].tolist()), False))
    return _packed([sorted(found, key=lambda one: (-one[0], one[2]))[:best] for found in whole], best, total.dtype)


def _packed(whole: list[list[tuple]], best: int, dtype: np.dtype) -> Decoded:
    longest = max((len(one[2]) for found in whole for one in found), default=0)
    rows = len(whole)
    tokens, lengths = np.full((rows, best, longest), -1), np.zeros((rows, best), np.int64)
    total, scores = np.full((rows, best), -np.inf, dtype), np.full((rows, best), -np.inf, dtype)
    finished = np.zeros((rows, best), bool)
    for b, found in enumerate(whole):
        for k, (score, reached, sequence, ended) in enumerate(found):
            tokens[b, k, : len(sequence)], lengths[b, k] = sequence, len(sequence)
            scores[b, k], total[b, k], finished[b, k] = score, reached, ended
    return Decoded(tokens, lengths, total, scores, finished)
