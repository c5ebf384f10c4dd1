"""The oracle: rigorous enclosures of a function's values and of every gradient.

The function's own forward source runs over python-flint balls; a reverse tape, independent of the cells' backward
functions, gives all gradients, and a forward-mode run along a random direction through all inputs must agree with it.
Precision is doubled until every enclosure is relatively narrower than 2^-60, or too narrow for any float64 to see.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from flint import arb

from refseq.arrays import lift
from refseq.checks.function import Posed
from refseq.fields.ball import precision
from refseq.fields.differential import Node, duals, new_tape, pull_back

FIRST_BITS, LAST_BITS = 128, 4096
RELATIVE, ABSOLUTE = arb(2) ** -60, arb(2) ** -1080


class Unenclosed(Exception):  # noqa: N818 - an answer: the verdict is then undecided
    """The value cannot be enclosed narrowly: chaotic beyond 4096 bits, or on a kink of relu."""


@dataclass(frozen=True)
class Enclosure:
    """True values: they lie within ``radius`` of high + low, a sum of two float64 arrays."""

    high: np.ndarray
    low: np.ndarray
    radius: np.ndarray

    def error(self, candidate: np.ndarray) -> np.ndarray:
        """An upper bound of |candidate - true value| up to a relative 2^-52; inf for NaN and infinities."""
        with np.errstate(invalid="ignore", over="ignore"):
            difference = np.abs((candidate.astype(np.float64) - self.high) - self.low) + self.radius
        return np.where(np.isfinite(candidate), difference, np.inf)


@lru_cache(maxsize=256)
def enclose(problem: Posed) -> Mapping[str, Enclosure]:
    """Enclosures of all forward tensors and gradients. Raises Unenclosed."""
    bits = FIRST_BITS
    while bits <= LAST_BITS:
        with precision(bits):
            balls = balls_of(problem)
            if all(_narrow(ball) for values in balls.values() for ball in values.flat):
                _agree(problem, balls)
                return {name: _enclosure(values) for name, values in balls.items()}
        bits *= 2
    raise Unenclosed(f"no enclosure of relative width 2^-60 with {LAST_BITS} bits: chaotic, or on a kink of relu")


def _narrow(ball: arb) -> bool:
    radius = ball.rad()
    return bool(radius <= RELATIVE * abs(ball.mid())) or bool(radius <= ABSOLUTE)


def _enclosure(values: Any) -> Enclosure:
    high, low, radius = (np.zeros(values.shape) for _ in range(3))
    for index in np.ndindex(values.shape):
        middle = values[index].mid()
        nearest = float(middle)
        if not np.isfinite(nearest):
            raise Unenclosed("the true value is beyond the range of float64")
        rest = float((middle - arb(nearest)).mid())
        high[index], low[index] = nearest, rest
        # both conversions round: the radius and the rest are widened by more than that
        radius[index] = float(values[index].rad()) * (1 + 2**-50) + abs(rest) * 2**-50
    return Enclosure(high, low, radius)


def _seeds(problem: Posed, results: Mapping[str, np.ndarray]) -> list[tuple]:
    """Every number that came out with its cotangent."""
    return [
        (number, arb(float(weight)))
        for name, array in results.items()
        for number, weight in zip(array.flat, problem.cotangents[name].flat, strict=True)
    ]


def balls_of(problem: Posed) -> dict[str, np.ndarray]:
    """Balls that hold all results and gradients, at the precision in force."""
    with new_tape() as tape:

        def nodes(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: lift(array, lambda value: Node(tape, arb(value))) for name, array in arrays.items()}

        values = nodes(problem.values)
        results, _ = problem.function.forward(values, nodes(problem.constants), "reference")
        seeds = [(number, weight) for number, weight in _seeds(problem, results) if isinstance(number, Node)]
        cotangents = pull_back(tape, seeds)

        def gradient(node: Node) -> arb:
            found = cotangents[node.index]
            return arb(0) if found is None else arb(found)

        forward = {name: lift(array, lambda node: node.value) for name, array in results.items()}
        return forward | {f"d{name}": lift(array, gradient) for name, array in values.items()}


def directional(problem: Posed, directions: Mapping[str, np.ndarray], bits: int = FIRST_BITS) -> float:
    """The loss's derivative along ``directions`` (by the names of the gradients; the rest is zero), by forward mode."""
    with precision(bits):
        return float(_forward_mode(problem, directions).mid())


def _forward_mode(problem: Posed, directions: Mapping[str, np.ndarray]) -> arb:
    def moving(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        towards = {name: directions.get(f"d{name}", np.zeros(array.shape)) for name, array in arrays.items()}
        return {name: duals(lift(array, arb), lift(towards[name], arb)) for name, array in arrays.items()}

    results, _ = problem.function.forward(moving(problem.values), moving(problem.constants), "reference")
    return sum((number.tangent * weight for number, weight in _seeds(problem, results)), arb(0))


def _agree(problem: Posed, balls: Mapping[str, np.ndarray]) -> None:
    """Forward mode along one random direction through everything must give the same derivative of the loss."""
    rng, total = np.random.default_rng(1), arb(0)
    directions = {f"d{name}": rng.normal(size=array.shape) for name, array in problem.values.items()}
    for name, direction in directions.items():
        for index in np.ndindex(direction.shape):
            total += balls[name][index] * arb(float(direction[index]))
    derivative = _forward_mode(problem, directions)
    if not derivative.overlaps(total):
        raise AssertionError(f"the oracle contradicts itself on {problem.label}: {derivative} and {total}")
