"""The error budget: how large the rounding errors of a correct implementation in the problem's precision are.

sigma is measured by Monte-Carlo arithmetic (``refseq.fields.noise``), entry by entry; the verdict falls at
``THRESHOLD`` sigma. Correct implementations have been seen at up to 6 sigma; an error of 1e-6 in one gate scores about
1e9 sigma in float64. Where nothing is rounded (padding, rows of length 0) sigma is 0 and the value must be exact.
"""

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

import numpy as np

from refseq.arrays import lift
from refseq.checks.exact import enclose
from refseq.checks.function import Named, Posed
from refseq.fields.noise import UNIT_ROUNDOFF, Noisy, Rounding

Arrays = dict[str, np.ndarray]

THRESHOLD = 16.0
SAMPLES = 32

BLIND = 0.01
"""A tensor whose budget exceeds this share of its largest entry is too ill-conditioned to judge."""

FINEST = 2.0**-40
"""The smallest roundoff that is simulated. Roundings of 2^-53 would themselves be rounded to float64, to one side; the
spread is proportional to the roundoff, so that a larger one can be scaled down. (Not across a kink of relu: where that
is near, the roundoff itself is simulated, and counts twice for being rounded.)"""


def sigma(problem: Posed, absolute: bool = False, tensors: Collection[str] | None = None) -> Mapping[str, np.ndarray]:
    """Standard deviation of the rounding error of every entry of every tensor, or of these. Raises Unenclosed.

    ``absolute``: for an implementation whose tanh and sigmoid are accurate only to rounding of their range.
    """
    # with exact activations all tensors have their budget from when the problem was chosen
    results_only = absolute and tensors is not None and set(tensors) <= set(problem.cotangents)
    return _sigma(problem, absolute, not results_only)


@lru_cache(maxsize=256)
def _sigma(problem: Posed, absolute: bool, gradients: bool) -> Mapping[str, np.ndarray]:
    exact, (_, found) = enclose(problem), spreads(problem, absolute, gradients)
    return {name: with_stored(spread, exact[name].high, problem.dtype) for name, spread in found.items()}


def blind(problem: Posed, absolute: bool = False, tensors: Collection[str] | None = None) -> str | None:
    """None if every tensor (of ``tensors``) can be judged, else the first that is too ill-conditioned, in words."""
    exact = enclose(problem)
    for name, spread in sigma(problem, absolute, tensors).items():
        largest = float(np.max(np.abs(exact[name].high), initial=0.0))
        budget = THRESHOLD * float(np.max(spread, initial=0.0))
        if (tensors is None or name in tensors) and largest and budget > BLIND * largest:
            noise = f"rounding noise of {budget / largest:.1%} of its largest entry"
            return f"{name} is too ill-conditioned in {problem.dtype} on {problem.label}: {noise}"
    return None


def spreads(problem: Posed, absolute: bool = False, gradients: bool = True) -> tuple[Arrays, Arrays]:
    """Means and standard deviations of the computed values."""

    def compute(rounding: Rounding) -> Arrays:
        def numbers(arrays: Named) -> Arrays:
            return {name: lift(array, rounding.number) for name, array in arrays.items()}

        results, record = problem.function.forward(numbers(problem.values), numbers(problem.constants), "reference")
        if not gradients:
            return results
        return results | problem.function.backward(record, numbers(problem.cotangents))

    return simulated(compute, problem.dtype, absolute)


def simulated(compute: Callable[[Rounding], Arrays], dtype: str, absolute: bool = False) -> tuple[Arrays, Arrays]:
    """Means and standard deviations of what a computation in this precision returns; the deviation is exactly 0 where
    nothing is rounded. ``compute`` makes its numbers with the rounding it is given."""
    u = UNIT_ROUNDOFF[dtype]

    def samples(roundoff: float) -> tuple[Arrays, Rounding]:
        rounding = Rounding(roundoff, SAMPLES, 0, absolute)
        with np.errstate(over="ignore", invalid="ignore"):
            return {name: _samples(numbers) for name, numbers in compute(rounding).items()}, rounding

    values, rounding = samples(max(u, FINEST))
    scale = u / max(u, FINEST)
    if rounding.straddled and u < FINEST:
        values, _ = samples(u)
        scale = np.sqrt(2)
    means = {name: value.mean(axis=-1) for name, value in values.items()}
    return means, {name: scale * _deviation(value) for name, value in values.items()}


def with_stored(spread: np.ndarray, values: np.ndarray, dtype: str) -> np.ndarray:
    """The spread with that of the last rounding, to the stored value, and of flushing to zero when subnormal."""
    stored = np.hypot(spread, UNIT_ROUNDOFF[dtype] * values) + float(np.finfo(dtype).tiny)
    return np.where(spread > 0, stored, 0.0)


def _deviation(values: np.ndarray) -> np.ndarray:
    """Standard deviation along the last axis, around the mean and not around the exact value: an error in refseq's own
    source must not widen the budget. Scaled so that no square underflows: 0 means that nothing was rounded."""
    deviation = values - values.mean(axis=-1, keepdims=True)
    largest = np.max(np.abs(deviation), axis=-1, keepdims=True)
    scaled = deviation / np.where(largest > 0, largest, 1.0)
    spread = largest[..., 0] * np.sqrt(np.mean(scaled**2, axis=-1))
    return np.where(np.any(values != values[..., :1], axis=-1), spread, 0.0)


def _samples(noisy: np.ndarray) -> np.ndarray:
    result = np.empty((*noisy.shape, SAMPLES))
    for index in np.ndindex(noisy.shape):
        number = noisy[index]
        result[index] = number.samples if isinstance(number, Noisy) else number
    return result
