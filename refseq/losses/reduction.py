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

from refseq.arrays import zeros

MEANS = ("mean per token", "mean per sequence", "mean of sequence means")
REDUCTIONS = ("sum", *MEANS)
"""The reductions of every loss."""

OVER_FEATURES = (*REDUCTIONS, "mean per element")
"""The reductions of a loss that is a sum over features."""


def scales(reduction: str, weights: np.ndarray, counts: np.ndarray, features: int = 1) -> np.ndarray:
    """The scale of every token (T, B), see above; floats are computed in double precision and rounded once."""
    if weights.dtype == object:
        return _SCALES[reduction](weights, counts, features)
    wide = np.result_type(weights.dtype, np.float64)
    return _SCALES[reduction](weights.astype(wide), counts.astype(wide), features).astype(weights.dtype)


def total(values: np.ndarray) -> Any:
    """The sum of all numbers of an array, in its field; floats are summed in double precision."""
    if values.dtype == object:
        return reduce(add, values.reshape(-1), zeros((), values).item())
    return values.sum(dtype=np.result_type(values.dtype, np.float64)).astype(values.dtype)


def _divided(weights: np.ndarray, divisor: Any) -> np.ndarray:
    return zeros(weights.shape, weights) if divisor == 0 else weights / divisor


def _row_totals(values: np.ndarray) -> list[Any]:
    return [total(values[:, b]) for b in range(values.shape[1])]


def _sequences(weights: np.ndarray, counts: np.ndarray) -> int:
    return len([row for row in _row_totals(weights * counts) if row != 0])


def _mean_per_token(weights: np.ndarray, counts: np.ndarray, features: int) -> np.ndarray:
    return _divided(weights, total(weights * counts))


def _mean_per_sequence(weights: np.ndarray, counts: np.ndarray, features: int) -> np.ndarray:
    return _divided(weights, _sequences(weights, counts))


def _mean_of_sequence_means(weights: np.ndarray, counts: np.ndarray, features: int) -> np.ndarray:
    result = weights.copy()
    for b, row in enumerate(_row_totals(weights * counts)):
        result[:, b] = _divided(weights[:, b], row)
    return _divided(result, _sequences(weights, counts))


def _mean_per_element(weights: np.ndarray, counts: np.ndarray, features: int) -> np.ndarray:
    return _divided(weights, total(weights * counts) * features)


_SCALES: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "sum": lambda weights, counts, features: weights,
    "mean per token": _mean_per_token,
    "mean per sequence": _mean_per_sequence,
    "mean of sequence means": _mean_of_sequence_means,
    "mean per element": _mean_per_element,
}
