"""The oracle: rigorous enclosures of a layer's values and of every gradient.

The layer's own forward source runs over python-flint balls; a reverse tape, independent of the cells' backward
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
from refseq.checks.problem import Problem, inputs, with_inputs
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.fields.ball import precision
from refseq.fields.differential import Dual, Node, pull_back

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
def enclose(problem: Problem) -> Mapping[str, Enclosure]:
    """Enclosures of all forward tensors and gradients. Raises Unenclosed."""
    bits = FIRST_BITS
    while bits <= LAST_BITS:
        with precision(bits):
            balls = _reverse_mode(problem)
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


def _seeds(problem: Problem, y: np.ndarray, state: Mapping[str, np.ndarray]) -> list[tuple]:
    """Every output with its cotangent."""
    pairs = list(zip(y.flat, problem.dy.flat, strict=True))
    for name, values in state.items():
        pairs += zip(values.flat, problem.dstate[name].flat, strict=True)
    return [(number, arb(float(weight))) for number, weight in pairs]


def _reverse_mode(problem: Problem) -> dict[str, np.ndarray]:
    tape: list[Node] = []

    def node(value: float) -> Node:
        return Node(tape, arb(value))

    params = {name: lift(value, node) for name, value in problem.params.items()}
    x, state = lift(problem.x, node), {name: lift(value, node) for name, value in problem.state.items()}
    masks = {name: lift(value, node) for name, value in problem.masks.items()}
    run = problem.exact.forward(params, x, state, problem.lengths, "reference", masks=masks)
    seeds = [(number, weight) for number, weight in _seeds(problem, run.y, run.state) if isinstance(number, Node)]
    cotangents = pull_back(tape, seeds)

    def gradient(array: Any) -> np.ndarray:
        found = np.empty(array.shape, object)
        for index in np.ndindex(array.shape):
            cotangent = cotangents[array[index].index]
            found[index] = arb(0) if cotangent is None else arb(cotangent)
        return found

    def values(array: Any) -> np.ndarray:
        found = np.empty(array.shape, object)
        for index in np.ndindex(array.shape):
            found[index] = array[index].value
        return found

    forward = forward_tensors(values(run.y), {name: values(array) for name, array in run.state.items()})
    grads = {name: gradient(array) for name, array in params.items()}
    return forward | gradient_tensors(grads, gradient(x), {name: gradient(array) for name, array in state.items()})


def directional(problem: Problem, directions: Mapping[str, np.ndarray], bits: int = FIRST_BITS) -> float:
    """The loss's derivative along ``directions`` (by the names of the gradients; the rest is zero), by forward mode."""
    with precision(bits):
        return float(_forward_mode(problem, directions).mid())


def _forward_mode(problem: Problem, directions: Mapping[str, np.ndarray]) -> arb:
    def duals(name: str, array: np.ndarray) -> np.ndarray:
        result, direction = np.empty(array.shape, object), directions.get(name)
        for index in np.ndindex(array.shape):
            tangent = arb(0) if direction is None else arb(float(direction[index]))
            result[index] = Dual(arb(float(array[index])), tangent)
        return result

    moved = with_inputs(problem, {name: duals(name, array) for name, array in inputs(problem).items()})
    masks = {name: lift(value, lambda number: Dual(arb(number), arb(0))) for name, value in problem.masks.items()}
    run = problem.exact.forward(moved.params, moved.x, moved.state, problem.lengths, "reference", masks=masks)
    return sum((number.tangent * weight for number, weight in _seeds(problem, run.y, run.state)), arb(0))


def _agree(problem: Problem, balls: Mapping[str, np.ndarray]) -> None:
    """Forward mode along one random direction through everything must give the same derivative of the loss."""
    rng, total = np.random.default_rng(1), arb(0)
    directions = {name: rng.normal(size=array.shape) for name, array in inputs(problem).items()}
    for name, direction in directions.items():
        for index in np.ndindex(direction.shape):
            total += balls[name][index] * arb(float(direction[index]))
    derivative = _forward_mode(problem, directions)
    if not derivative.overlaps(total):
        raise AssertionError(f"the oracle contradicts itself on {problem.label}: {derivative} and {total}")
