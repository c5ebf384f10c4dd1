"""From the losses of tokens to one number: loss = sum over t, b of scale[t, b] * token[t, b].

With the weight w[t, b] of a token (0 in padding), the count n[t, b] that a loss gives it (the class weight of its
target; else 1), C = sum w n over all tokens, C_b = sum_t w n of a sequence, and N the number of sequences whose C_b is
not 0:

    sum                      scale = w
    mean per token           scale = w / C
    mean per sequence        scale = w / N              a sequence's loss is the sum over its tokens
    mean of sequence means   scale = w / (N C_b)        every sequence counts alike, however long
    mean per element         scale = w / (C K)          K features in a token; losses over features only

Where a divisor is 0 nothing counts: the scale is 0, and so are the loss and its gradient.
"""

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from refseq.arrays import Elsewhere, lift

MEANS = ("mean per token", "mean per sequence", "mean of sequence means")
REDUCTIONS = ("sum", *MEANS)
"""The reductions of every loss."""

OVER_FEATURES = (*REDUCTIONS, "mean per element")
"""The reductions of a loss that is a sum over features."""


def scales(
    reduction: str, weights: np.ndarray, counts: np.ndarray, active: np.ndarray, features: int = 1
) -> np.ndarray:
    """The scale of every token (T, B), see above; ``active`` says which have a weight. Floats are computed in double
    precision and rounded once."""
    if weights.dtype == object:
        return _SCALES[reduction](weights, counts, active, features)
    wide = np.result_type(weights.dtype, np.float64)
    return _SCALES[reduction](weights.astype(wide), counts.astype(wide), active, features).astype(weights.dtype)


def total(values: np.ndarray) -> Any:
    """The sum of all numbers of an array, in its field; floats are summed in double precision."""
    if values.dtype == object:
        return reduce(add, values.reshape(-1)) if values.size else 0
    return values.sum(dtype=np.result_type(values.dtype, np.float64)).astype(values.dtype)


def weighed(values: np.ndarray, weights: np.ndarray) -> Any:
    """``total`` of the products of two arrays, of which the first may be on a device: the sum is there too."""
    return values.weighed(weights) if isinstance(values, Elsewhere) else total(values * weights)


def _divided(weights: np.ndarray, divisor: Any) -> np.ndarray:
    if divisor == 0:
        return weights * 0
    # numbers that are vectors themselves (samples) would be taken for arrays
    return lift(weights, lambda weight: weight / divisor) if weights.dtype == object else weights / divisor


def _sequences(weights: np.ndarray, counts: np.ndarray, active: np.ndarray) -> dict[int, Any]:
    """C_b of every sequence b that counts."""
    totals = {int(b): total((weights * counts)[:, b]) for b in np.flatnonzero(active.any(axis=0))}
    return {b: row for b, row in totals.items() if not row == 0}  # noqa: SIM201 - fields need not define "!="


def _mean_per_token(weights: np.ndarray, counts: np.ndarray, active: np.ndarray, features: int) -> np.ndarray:
    return _divided(weights, total(weights * counts) if active.any() else 0)


def _mean_per_sequence(weights: np.ndarray, counts: np.ndarray, active: np.ndarray, features: int) -> np.ndarray:
    return _divided(weights, len(_sequences(weights, counts, active)))


def _mean_of_sequence_means(weights: np.ndarray, counts: np.ndarray, active: np.ndarray, features: int) -> np.ndarray:
    sequences = _sequences(weights, counts, active)
    result = weights * 0
    for b, row in sequences.items():
        result[:, b] = _divided(weights[:, b], row)
    return _divided(result, len(sequences))


def _mean_per_element(weights: np.ndarray, counts: np.ndarray, active: np.ndarray, features: int) -> np.ndarray:
    return _divided(_mean_per_token(weights, counts, active, features), features)


_SCALES: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]] = {
    "sum": lambda weights, counts, active, features: weights,
    "mean per token": _mean_per_token,
    "mean per sequence": _mean_per_sequence,
    "mean of sequence means": _mean_of_sequence_means,
    "mean per element": _mean_per_element,
}
