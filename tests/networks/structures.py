"""Forests, layers and random problems that the tests of trees share."""

import numpy as np

import refseq
from refseq.checks.structures import of_tree
from refseq.trees import Forest, balanced, from_children, from_parents

EPS = np.finfo(np.float64).eps
RECURSIVE = refseq.tree_layer("recursive", 3, 4)
LSTM = refseq.tree_layer("tree_lstm", 3, 4)
SUM = refseq.tree_layer("child_sum_tree_lstm", 3, 4)
LAYERS = [RECURSIVE, LSTM, SUM]


def random_forest(rng: np.random.Generator, nodes: int, arity: int, trees: int = 1) -> Forest:
    """Trees of a random shape, with empty positions and numbers in no order."""
    room = {root: list(range(arity)) for root in range(trees)}
    children: list[dict] = [{} for _ in range(nodes)]
    for node in range(trees, nodes):
        parent = list(room)[rng.integers(len(room))]
        children[parent][room[parent].pop(rng.integers(len(room[parent])))] = node
        room[node] = list(range(arity))
        room = {key: free for key, free in room.items() if free}
    number = rng.permutation(nodes)
    lists: list[list] = [[] for _ in range(nodes)]
    for node, own in enumerate(children):
        lists[number[node]] = [number[own[k]] if k in own else None for k in range(max(own, default=-1) + 1)]
    return from_children(lists)


def caterpillar(nodes: int) -> Forest:
    """A skewed binary tree: every parent has a leaf and the parent before it."""
    return from_parents([min(n + 2 - n % 2, nodes - 1) if n < nodes - 1 else -1 for n in range(nodes)])


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
    return values(layer, forest, seed, dtype, given), cotangents(layer, forest.nodes, seed + 1, dtype)


def results(layer, forest, given, weights, target="reference"):
    """Everything that a layer computes, by name."""
    function = of_tree(layer, forest)
    out, record = function.forward(given, target)
    return out | {f"d{name}": value for name, value in function.backward(record, weights).items()}


def same(ours, theirs):
    """Names of what differs in dtype or in a bit."""
    return [n for n in ours if not (ours[n].dtype == theirs[n].dtype and np.array_equal(ours[n], theirs[n]))]


SHAPES = {
    "random": random_forest(np.random.default_rng(1), 11, 2, 2),
    "skewed": caterpillar(9),
    "balanced": balanced(6),
}
