"""The error budget: how large the rounding errors of a correct implementation in the problem's precision are.

sigma is measured by Monte-Carlo arithmetic (``refseq.fields.noise``), entry by entry; the verdict falls at
``THRESHOLD`` sigma. Correct implementations have been seen at up to 6 sigma; an error of 1e-6 in one gate scores about
1e9 sigma in float64. Where nothing is rounded (padding, rows of length 0) sigma is 0 and the value must be exact.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from refseq.arrays import lift
from refseq.checks.exact import enclose
from refseq.checks.problem import Problem
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.fields.noise import UNIT_ROUNDOFF, Noisy, Rounding

THRESHOLD = 16.0
SAMPLES = 32

BLIND = 0.01
"""A tensor whose budget exceeds this share of its largest entry is too ill-conditioned to judge."""

FINEST = 2.0**-40
"""The smallest roundoff that is simulated. Roundings of 2^-53 would themselves be rounded to float64, to one side; the
spread is proportional to the roundoff, so that a larger one can be scaled down. (Not across a kink of relu: where that
is near, the roundoff itself is simulated, and counts twice for being rounded.)"""


def sigma(problem: Problem, absolute: bool = False) -> Mapping[str, np.ndarray]:
    """Standard deviation of the rounding error of every entry of every tensor. Raises Unenclosed.

    ``absolute``: for an implementation whose tanh and sigmoid are accurate only to rounding of their range.
    """
    return _sigma(problem, absolute)


@lru_cache(maxsize=256)
def _sigma(problem: Problem, absolute: bool) -> Mapping[str, np.ndarray]:
    exact = enclose(problem)
    return {
        name: with_stored(spread, exact[name].high, problem.dtype)
        for name, spread in spreads(problem, absolute).items()
    }


def blind(problem: Problem, absolute: bool = False, tensors: Collection[str] | None = None) -> str | None:
    """None if every tensor (of ``tensors``) can be judged, else the first that is too ill-conditioned, in words."""
    exact = enclose(problem)
    for name, spread in sigma(problem, absolute).items():
        largest = float(np.max(np.abs(exact[name].high), initial=0.0))
        budget = THRESHOLD * float(np.max(spread, initial=0.0))
        if (tensors is None or name in tensors) and largest and budget > BLIND * largest:
            noise = f"rounding noise of {budget / largest:.1%} of its largest entry"
            return f"{name} is too ill-conditioned in {problem.dtype} on {problem.label}: {noise}"
    return None


def spreads(problem: Problem, absolute: bool = False, gradients: bool = True) -> dict[str, np.ndarray]:
    """Standard deviations of the computed values; exactly 0 where nothing is rounded."""
    u = UNIT_ROUNDOFF[problem.dtype]
    rounding = Rounding(max(u, FINEST), SAMPLES, 0, absolute)
    values, scale = samples(problem, rounding, gradients), u / max(u, FINEST)
    if rounding.straddled and u < FINEST:
        values, scale = samples(problem, Rounding(u, SAMPLES, 0, absolute), gradients), np.sqrt(2)
    return {name: scale * _deviation(value) for name, value in values.items()}


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


def samples(problem: Problem, rounding: Rounding, gradients: bool = True) -> dict[str, np.ndarray]:
    """``SAMPLES`` randomly rounded values, along a last axis, of every entry of every tensor."""

    def numbers(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: lift(value, rounding.number) for name, value in arrays.items()}

    layer: Any = problem.exact
    x, state = lift(problem.x, rounding.number), numbers(problem.state)
    with np.errstate(over="ignore", invalid="ignore"):
        run = layer.forward(
            numbers(problem.params), x, state, problem.lengths, "reference", masks=numbers(problem.masks)
        )
        tensors = forward_tensors(run.y, run.state)
        if gradients:
            grads = layer.backward(run, lift(problem.dy, rounding.number), numbers(problem.dstate))
            tensors |= gradient_tensors(grads.params, grads.x, grads.state)
    return {name: _samples(noisy) for name, noisy in tensors.items()}


def _samples(noisy: np.ndarray) -> np.ndarray:
    result = np.empty((*noisy.shape, SAMPLES))
    for index in np.ndindex(noisy.shape):
        number = noisy[index]
        result[index] = number.samples if isinstance(number, Noisy) else number
    return result
