"""Conditional probabilities from counts, for contexts of 0 ... tau symbols; exact for exact numbers.

c(h w): how often the symbol w followed the context h; c(h) its sum over w; n(h): how many different symbols followed;
h' is h without its first symbol, V the number of symbols, and p(w | context before the empty one) = 1/V.

    additive     (c(h w) + a) / (c(h) + a V), and 1/V if that is 0/0                 G. J. Lidstone; a = 1: Laplace
    witten_bell  (c(h w) + n(h) p(w | h')) / (c(h) + n(h))                           I. H. Witten, T. C. Bell, 1991
    absolute     (max(c(h w) - a, 0) + a n(h) p(w | h')) / c(h), 0 <= a <= 1         H. Ney et al., 1994
    kneser_ney   absolute, where below tau c(h w) is the number of different symbols that came before h w
                                                                                     R. Kneser, H. Ney, 1995

The last three interpolate with the shorter context, and are p(w | h') where h was never seen.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

SMOOTHING = ("additive", "witten_bell", "absolute", "kneser_ney")


def probabilities(counts: Sequence[np.ndarray], smoothing: str, amount: Any) -> list[np.ndarray]:
    """p(w | h) (V^k, V) for k = 0 ... tau from counts of these shapes; they and ``amount`` of any numbers with + - * /
    (floats, or objects that are fractions)."""
    symbols, one = counts[0].shape[1], counts[0].flat[0] * 0 + 1
    if smoothing == "additive":
        return [_additive(count, amount) for count in counts]
    if smoothing == "kneser_ney":
        counts = [*(_continuations(count) * one for count in counts[1:]), counts[-1]]
    shorter, found = np.full((1, symbols), one / symbols, counts[0].dtype), []
    for k, count in enumerate(counts):
        below = np.tile(shorter, (symbols, 1)) if k else shorter  # row h of the table below, for every first symbol
        shorter = _interpolated(count, below, None if smoothing == "witten_bell" else amount)
        found.append(shorter)
    return found


def _additive(count: np.ndarray, amount: Any) -> np.ndarray:
    symbols = count.shape[1]
    total = count.sum(axis=1, keepdims=True) + amount * symbols
    none = np.asarray(total == 0, bool)
    return (count + amount + none * 1) / (total + none * symbols)  # 0/0 is 1/V


def _interpolated(count: np.ndarray, below: np.ndarray, amount: Any) -> np.ndarray:
    total = count.sum(axis=1, keepdims=True)
    seen = np.asarray(count > 0, bool)
    kinds = seen.sum(axis=1, keepdims=True).astype(count.dtype)
    none = np.asarray(total == 0, bool)
    if amount is None:
        return (count + (kinds + none) * below) / (total + kinds + none)
    taken = seen * amount  # a count is 0 or at least 1, and the amount at most 1
    return (count - taken + (kinds * amount + none) * below) / (total + none)


def _continuations(count: np.ndarray) -> np.ndarray:
    """How many different symbols came before each context and symbol of one symbol less."""
    symbols = count.shape[1]
    seen = np.asarray(count > 0, bool).reshape(symbols, -1, symbols)
    return seen.sum(axis=0).astype(count.dtype)
