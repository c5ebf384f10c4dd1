"""How far two correct answers may lie apart: standard deviations of differences, from the error budget.

The roundings of two runs are independent, so their variances add. Where a property relates a run to itself under a
change of names (another order of rows, units or features, other signs, powers of two, other cuts in time), the second
run does the same operations as the first, up to the order of sums, and has the first one's budget, renamed: no new one
has to be computed. ``noise`` is for the few problems that are not a renamed original.
"""

from collections.abc import Mapping

import numpy as np

from refseq.checks.budget import FINEST, samples, sigma
from refseq.checks.problem import Problem
from refseq.checks.subject import Subject
from refseq.fields.noise import UNIT_ROUNDOFF

Arrays = dict[str, np.ndarray]


def of_one(subject: Subject, problem: Problem) -> Mapping[str, np.ndarray]:
    """Of one run."""
    return sigma(problem, subject.activations == "absolute")


def of_two(subject: Subject, problem: Problem) -> Arrays:
    """Of the difference of two runs that do the operations of this problem."""
    return {name: np.sqrt(2) * spread for name, spread in of_one(subject, problem).items()}


def noise(subject: Subject, problem: Problem, *, gradients: bool = False) -> Arrays:
    """Of one run, around the mean of the samples: a budget without the exact values, which may take much longer.

    Simulated with a roundoff that float64 numbers can hold, and scaled, as in the budget. Where all samples agree
    nothing is rounded, and it is 0.
    """
    u, tiny = UNIT_ROUNDOFF[problem.dtype], float(np.finfo(problem.dtype).tiny)
    simulated, result = max(u, FINEST), {}
    for name, values in samples(problem, subject.activations == "absolute", gradients, simulated).items():
        spread = values.std(axis=-1, ddof=1) * (u / simulated)
        moved = np.any(values != values[..., :1], axis=-1)
        # the last rounding, to the stored value, and flushing to zero below the normal range, as in the budget
        result[name] = np.where(moved, np.hypot(spread, u * values.mean(axis=-1)) + tiny, 0.0)
    return result


def quadrature(*spreads: Mapping[str, np.ndarray]) -> Arrays:
    """Of a sum of independently rounded terms."""
    return {name: np.sqrt(sum(np.square(s[name]) for s in spreads)) for name in spreads[0]}
