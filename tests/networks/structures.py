"""Forests, layers, random problems and questions that the tests of trees and graphs share."""

import numpy as np

import refseq
from refseq.checks.budget import sigma
from refseq.checks.compare import in_sigmas
from refseq.checks.exact import enclose
from refseq.checks.finite_field import not_transposed
from refseq.checks.function import Function, Point
from refseq.checks.structures import of_tree
from refseq.checks.structures.trees import random_forest
from refseq.checks.structures.trees import skewed as caterpillar
from refseq.trees import balanced

EPS = np.finfo(np.float64).eps
RECURSIVE = refseq.tree_layer("recursive", 3, 4)
LSTM = refseq.tree_layer("tree_lstm", 3, 4)
SUM = refseq.tree_layer("child_sum_tree_lstm", 3, 4)
LAYERS = [RECURSIVE, LSTM, SUM]
SHAPES = {
    "random": random_forest(np.random.default_rng(1), 11, 2, 2),
    "skewed": caterpillar(9),
    "balanced": balanced(6),
}


def deviations(function: Function, given: dict, weights: dict, target: str = "cpu") -> dict[str, float]:
    """For every result and gradient the largest distance to the true value, in sigma of its rounding errors."""
    point = Point(None, str(next(iter(given.values())).dtype), "", function, given, weights)
    true, spread = enclose(point), sigma(point)
    found = function.everything(given, {}, weights, target)
    return {n: float(np.max(in_sigmas(true[n].error(v), spread[n]), initial=0.0)) for n, v in found.items()}


def transposed(function: Function, given: dict) -> list[str]:
    """The values whose gradient is wrong over GF(2^61 - 1); only shapes matter."""
    return not_transposed(Point(None, "float64", "", function, given, {}))


def values(layer, forest, seed: int, dtype: str = "float64", given: bool = False) -> dict[str, np.ndarray]:
    """Parameters (biases too), x, and the leaves' states if they are ``given``: nothing zero or uniform."""
    rng = np.random.default_rng(seed)
    shapes = dict(layer.shapes) | ({"x": (forest.nodes, layer.inputs)} if layer.inputs else {})
    if given:
        shapes |= {f"state[{name}]": (len(forest.leaves), layer.units) for name in layer.cell.state}
    return {name: (0.7 * rng.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}


def cotangents(layer, nodes: int, seed: int, dtype: str = "float64") -> dict[str, np.ndarray]:
    """Of the outputs and all states of every node."""
    rng = np.random.default_rng(seed)
    names = ["y", *(f"state[{name}]" for name in layer.cell.state)]
    return {name: rng.normal(size=(nodes, layer.units)).astype(dtype) for name in names}


def problem(layer, forest, dtype="float64", given=False, seed=2):
    """Values and cotangents."""
    return values(layer, forest, seed, dtype, given), cotangents(layer, forest.nodes, seed + 1, dtype)


def results(layer, forest, given, weights, target="reference"):
    """Everything that a layer computes, by name."""
    return of_tree(layer, forest).everything(given, {}, weights, target)


def same(ours, theirs):
    """Names of what differs in dtype or in a bit."""
    return [n for n in ours if not (ours[n].dtype == theirs[n].dtype and np.array_equal(ours[n], theirs[n]))]
