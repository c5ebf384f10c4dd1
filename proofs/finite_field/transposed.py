"""VJP = transposed JVP for layers, stacks, trees and graphs, by the check that ``refseq verify`` has."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from proofs.theorem import Answer, Proved, Refuted
from refseq.checks.finite_field import not_transposed
from refseq.checks.function import Point, Posed
from refseq.checks.problem import draw
from refseq.checks.structures.kinds import problems
from refseq.layer import Layer
from refseq.stack import Stack


def proof(network: Any, steps: int = 0, rows: int = 0) -> Answer:
    """The identity at every problem of the network."""
    return _judged(_problems(network, steps, rows))


def planted(network: Any, steps: int = 0, rows: int = 0) -> Answer:
    """With 1 added to an entry of the gradient of the first value, a parameter if there is one."""
    problem = _problems(network, steps, rows)[0]
    first = f"d{next(iter(problem.values))}"

    def backward(record: Any, cotangents: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = problem.function.backward(record, cotangents)
        found[first].flat[0] = found[first].flat[0] + 1
        return found

    wrong = replace(problem.function, backward=backward)
    values, cotangents, constants = problem.values, problem.cotangents, problem.constants
    return _judged([Point(network, problem.dtype, problem.label, wrong, values, cotangents, constants)])


def _problems(network: Any, steps: int, rows: int) -> Sequence[Posed]:
    if isinstance(network, (Layer, Stack)):
        return [draw(network, "float64", steps, rows, padded=rows > 1)]
    return list(problems(network, "float64"))


def _judged(posed: Sequence[Posed]) -> Answer:
    for problem in posed:
        wrong = not_transposed(problem)
        if wrong:
            words = f"{problem.label}: wrong with respect to {', '.join(wrong)}"
            return Refuted("BPTT is the transposed forward derivative", words)
    return Proved(f"{sum(array.size for problem in posed for array in problem.values.values())} derivatives")
