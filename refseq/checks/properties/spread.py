"""How far two correct answers may lie apart: standard deviations of differences, from the error budget.

The roundings of two runs are independent, so their variances add. Where a property relates a run to itself under a
change of names (another order of rows, units or features, other signs, powers of two, other cuts in time), the second
run does the same operations as the first, up to the order of sums, and has the first one's budget, renamed: no new one
has to be computed. ``noise`` is for the few problems that are not a renamed original.
"""

from collections.abc import Mapping

import numpy as np

from refseq.checks.budget import sigma, spreads, with_stored
from refseq.checks.problem import Problem
from refseq.checks.subject import Subject

Arrays = dict[str, np.ndarray]


def of_one(subject: Subject, problem: Problem) -> Mapping[str, np.ndarray]:
    """Of one run."""
    return sigma(problem, subject.activations == "absolute")


def of_two(subject: Subject, problem: Problem) -> Arrays:
    """Of the difference of two runs that do the operations of this problem."""
    return {name: np.sqrt(2) * spread for name, spread in of_one(subject, problem).items()}


def noise(subject: Subject, problem: Problem, *, gradients: bool = False) -> Arrays:
    """Of one run, without the exact values, which may take much longer than the spread around the mean."""
    values, found = spreads(problem, subject.activations == "absolute", gradients)
    with np.errstate(over="ignore", invalid="ignore"):
        return {name: with_stored(spread, values[name], problem.dtype) for name, spread in found.items()}


def quadrature(*spreads: Mapping[str, np.ndarray]) -> Arrays:
    """Of a sum of independently rounded terms."""
    return {name: np.sqrt(sum(np.square(s[name]) for s in spreads)) for name in spreads[0]}
