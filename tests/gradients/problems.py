"""Layers of every recurrence, problems over GF(2^61 - 1) and in floats, and the noise of any algorithm on them."""

from collections.abc import Callable
from functools import cache

import numpy as np

import refseq
from refseq.arrays import lift
from refseq.checks.budget import simulated, with_stored
from refseq.checks.exact import enclose
from refseq.checks.problem import Problem, draw
from refseq.fields.differential import Dual, register_derivatives
from refseq.fields.noise import Noisy, Rounding
from refseq.fields.residue import MODULUS, Residue
from refseq.layer import Gradients, Layer
from refseq.primitives import exp_slope, log_slope, relu_slope, sigmoid_slope, tanh_slope
from tests import variants

STACKED = [variants.layer((name, {}), 2, 3, layers=2) for name in ("elman", "lstm", "gru", "skip")]
ONE_WAY = [*(variants.layer(kind, 2, 3) for kind in variants.KINDS), *STACKED, refseq.layer("lstm", 2, 3, bias=False)]
BOTH_WAYS = [variants.layer((name, {}), 2, 3, layers=2, bidirectional=True) for name in ("elman", "lstm", "jordan")]
FLOATING = [refseq.layer("elman", 2, 3, layers=2), refseq.layer("lstm", 2, 3), refseq.layer("gru", 2, 3, reset="after")]
"""A few layers to compile: that costs seconds each, and what depends on the cell is tested over all of them exactly."""
STEPS, ROWS = 4, 4

SLOPES = {"tanh": tanh_slope, "sigmoid": sigmoid_slope, "relu": relu_slope, "exp": exp_slope, "log": log_slope}
register_derivatives(Noisy, {name: lambda x, y, slope=slope: slope(y) for name, slope in SLOPES.items()})


class Case:
    """A layer with parameters, x, state and lengths (``given``), masks (``extra``), cotangents (``asked``) and
    directions (``along``)."""

    def __init__(self, problem: Problem, number: Callable[[np.ndarray], np.ndarray]) -> None:
        def named(arrays):
            return {name: number(value) for name, value in arrays.items()}

        self.layer, self.lengths = problem.layer, problem.lengths
        self.params, self.x, self.state = named(problem.params), number(problem.x), named(problem.state)
        self.dy, self.dstate = number(problem.dy), named(problem.dstate)
        self.masks = named(problem.masks)
        self.along = (named(problem.params), number(problem.x), named(problem.state))

    @property
    def given(self) -> tuple:
        return self.layer, self.params, self.x, self.state, self.lengths

    @property
    def extra(self) -> dict:
        """The keyword masks, for a layer that takes them."""
        return {"masks": self.masks} if self.masks else {}

    @property
    def asked(self) -> tuple:
        return self.dy, self.dstate

    def bptt(self) -> Gradients:
        run = self.layer.forward(*self.given[1:], target="reference", **self.extra)
        return self.layer.backward(run, *self.asked)


@cache
def exact(layer: Layer) -> Case:
    """Everything drawn from GF(2^61 - 1), with rows of length T, 0, T/2 and T-1."""
    rng = np.random.default_rng(7)
    problem = draw(layer, "float64", STEPS, ROWS)
    return Case(problem, lambda array: lift(rng.integers(0, MODULUS, array.shape), Residue))


@cache
def exact_bptt(layer: Layer) -> Gradients:
    return exact(layer).bptt()


def drawn(layer: Layer, dtype: str = "float64", **options) -> Case:
    """Random floats, and directions that are drawn anew."""
    rng = np.random.default_rng(8)
    case = Case(draw(layer, dtype, STEPS, ROWS, **options), np.copy)
    case.along = (
        {name: rng.normal(size=value.shape).astype(dtype) for name, value in case.params.items()},
        rng.normal(size=case.x.shape).astype(dtype),
        {name: rng.normal(size=value.shape).astype(dtype) for name, value in case.state.items()},
    )
    return case


def dot(one, other):
    """Sum of products over arrays, and dicts of arrays by name, nested in tuples."""
    if isinstance(one, tuple):
        return sum((dot(a, b) for a, b in zip(one, other, strict=True)), 0)
    if isinstance(one, dict):
        return sum((dot(one[name], other[name]) for name in one), 0)
    return sum((one * other).reshape(-1).tolist(), 0)


def parts(grads: Gradients) -> tuple:
    return grads.params, grads.x, grads.state


def same(one, other) -> bool:
    """Equal entry by entry, in arrays, and dicts of arrays by name, nested in tuples."""
    if isinstance(one, tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return one.dtype == other.dtype and one.shape == other.shape and bool(np.all(one == other))


def noise(compute: Callable[[Case], dict[str, np.ndarray]], problem: Problem) -> dict[str, np.ndarray]:
    """Standard deviation of the rounding errors of an algorithm that runs over objects; of a Dual that of its tangent.

    ``with_stored`` is the caller's, who has the values.
    """

    def noisy(rounding: Rounding) -> dict[str, np.ndarray]:
        case = Case(problem, lambda array: lift(array, rounding.number))
        return {name: lift(numbers, tangent) for name, numbers in compute(case).items()}

    def tangent(number):
        return number.tangent if isinstance(number, Dual) else number

    return simulated(noisy, problem.dtype)[1]


def worst(values: dict[str, np.ndarray], spread: dict[str, np.ndarray], problem: Problem) -> float:
    """The largest distance from the true gradient, in sigmas of the algorithm's own noise."""
    sizes = [0.0]
    for name, value in values.items():
        enclosure = enclose(problem)[name]
        error, sigma = enclosure.error(value), with_stored(spread[name], enclosure.high, problem.dtype)
        sizes += [np.inf if e and not s else e / s if e else 0.0 for e, s in zip(error.flat, sigma.flat, strict=True)]
    return float(np.max(sizes))
