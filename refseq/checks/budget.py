"""The error budget: how large the rounding errors of a correct implementation in the problem's precision are.

sigma is measured by Monte-Carlo arithmetic (``refseq.fields.noise``), entry by entry; the verdict falls at
``THRESHOLD`` sigma. Correct implementations have been seen at up to 6 sigma; an error of 1e-6 in one gate scores about
1e9 sigma in float64. Where nothing is rounded (padding, rows of length 0) sigma is 0 and the value must be exact.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from refseq.arrays import lift
from refseq.checks.exact import enclose
from refseq.checks.problem import Problem
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.fields.noise import UNIT_ROUNDOFF, Noisy, Rounding

THRESHOLD = 16.0
SAMPLES = 32

FINEST = 2.0**-40
"""The smallest roundoff that is simulated. Roundings of 2^-53 would themselves be rounded to float64, to one side; the
spread is proportional to the roundoff, so that a larger one can be scaled down."""


def sigma(problem: Problem, absolute: bool = False) -> Mapping[str, np.ndarray]:
    """Standard deviation of the rounding error of every entry of every tensor. Raises Unenclosed.

    ``absolute``: for an implementation whose tanh and sigmoid are accurate only to rounding of their range.
    """
    return _sigma(problem, absolute)


@lru_cache(maxsize=256)
def _sigma(problem: Problem, absolute: bool) -> Mapping[str, np.ndarray]:
    exact = enclose(problem)
    u, tiny = UNIT_ROUNDOFF[problem.dtype], float(np.finfo(problem.dtype).tiny)
    simulated = max(u, FINEST)
    result = {}
    for name, values in samples(problem, absolute, u=simulated).items():
        # around the mean and not around the exact value: an error in refseq's own source must not widen the budget
        spread = _root_mean_square(values - values.mean(axis=-1, keepdims=True))
        # the last rounding, to the stored value, and flushing to zero below the normal range
        stored = np.hypot(spread * (u / simulated), u * exact[name].high) + tiny
        result[name] = np.where(np.any(values != values[..., :1], axis=-1), stored, 0.0)
    return result


def _root_mean_square(deviation: np.ndarray) -> np.ndarray:
    """Along the last axis, scaled so that no square underflows: a spread of 0 must mean that nothing was rounded."""
    largest = np.max(np.abs(deviation), axis=-1, keepdims=True)
    scaled = deviation / np.where(largest > 0, largest, 1.0)
    return largest[..., 0] * np.sqrt(np.mean(scaled**2, axis=-1))


def samples(
    problem: Problem, absolute: bool = False, gradients: bool = True, u: float | None = None
) -> dict[str, np.ndarray]:
    """``SAMPLES`` randomly rounded values, along a last axis, of every entry of every tensor; ``u`` is the roundoff,
    None that of the problem's precision."""
    rounding = Rounding(u or UNIT_ROUNDOFF[problem.dtype], SAMPLES, 0, absolute)

    def numbers(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: lift(value, rounding.number) for name, value in arrays.items()}

    layer, x, state = problem.layer, lift(problem.x, rounding.number), numbers(problem.state)
    with np.errstate(over="ignore", invalid="ignore"):
        run = layer.forward(numbers(problem.params), x, state, problem.lengths, target="reference")
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
