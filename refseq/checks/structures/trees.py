"""Networks on trees: one on a forest as a function from named arrays to named arrays, examples, and problems."""

from collections.abc import Iterator
from typing import Any

import numpy as np

import refseq
import refseq.trees
from refseq.checks.function import Arrays, Function, Named, Point, gradients
from refseq.checks.problem import Drawing
from refseq.checks.structures.kind import Kind, Kinds
from refseq.tree_layer import TreeLayer
from refseq.trees import Forest, balanced, from_children, from_parents

NODES = 7


def examples(inputs: int, units: int) -> Iterator[TreeLayer]:
    """Every recurrence over trees with every option; without inputs too."""
    variants: list[tuple[str, dict[str, Any]]] = [
        (name, dict(options))
        for name, recurrence in refseq.trees.catalogue().items()
        for options in recurrence.variants()
    ]
    yield from (refseq.tree_layer(name, inputs, units, **options) for name, options in variants if "x" not in options)
    for name in refseq.trees.catalogue():
        yield refseq.tree_layer(name, 0, units)


def problems(layer: TreeLayer, dtype: str, seed: int = 0) -> Iterator[Point]:
    """A forest of two random trees with empty positions, a skewed tree whose leaves' states are given, a balanced tree;
    saturated and coarse values too."""
    rng, arity = np.random.default_rng([seed, layer.units]), layer.arity or 3
    yield tree_problem(layer, random_forest(rng, NODES, arity, 2), dtype, "generic", seed)
    yield tree_problem(layer, skewed(NODES, arity), dtype, "generic", seed, given=True)
    yield tree_problem(layer, balanced(4) if arity > 1 else skewed(NODES, 1), dtype, "saturated", seed)
    yield tree_problem(layer, random_forest(rng, NODES, arity, 3), dtype, "coarse", seed)


def of_tree(layer: TreeLayer, forest: Forest) -> Function:
    """A tree layer on this forest: values are its parameters, ``x``, and ``state[h]``... if those of leaves are given;
    results are ``y`` and ``state[h]``..."""

    def state(arrays: Named) -> Arrays | None:
        return {name: arrays[f"state[{name}]"] for name in layer.cell.state if f"state[{name}]" in arrays} or None

    def forward(values: Named, _constants: Named, target: str) -> tuple[Arrays, Any]:
        params = {name: values[name] for name in layer.shapes}
        run = layer.forward(params, values.get("x"), forest, state(values), target)
        return {"y": run.y} | {f"state[{name}]": value for name, value in run.state.items()}, run

    def backward(run: Any, cotangents: Named) -> Arrays:
        grads = layer.backward(run, cotangents["y"], state(cotangents))
        found = gradients(grads.params) | ({} if grads.x is None else {"dx": grads.x})
        return found | {f"dstate[{name}]": value for name, value in (grads.state or {}).items()}

    return Function(forward, backward)


def tree_problem(
    layer: TreeLayer,
    forest: Forest,
    dtype: str = "float64",
    regime: str = "generic",
    seed: int = 0,
    given: bool = False,
) -> Point:
    """Parameters, ``x`` and, if ``given``, the leaves' states; cotangents of the outputs and states of every node."""
    drawing = Drawing(np.random.default_rng([seed, forest.nodes]), regime, dtype)
    values = drawing.weights(layer.shapes)
    if layer.inputs:
        values["x"] = drawing.signals((forest.nodes, layer.inputs))
    if given:
        values |= {f"state[{name}]": drawing.states((len(forest.leaves), layer.units)) for name in layer.cell.state}
    names = ["y", *(f"state[{name}]" for name in layer.cell.state)]
    cotangents = {name: drawing.signals((forest.nodes, layer.units)) for name in names}
    words = f"{forest.nodes} nodes in {len(forest.roots)} trees, {'given' if given else 'computed'} leaves"
    return Point(layer, dtype, f"{regime} {words}", of_tree(layer, forest), values, cotangents)


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


def skewed(nodes: int, arity: int = 2) -> Forest:
    """A caterpillar: every parent has a leaf and the parent before it. With one position, a chain."""
    if arity == 1:
        return from_parents([*range(1, nodes), -1])
    return from_parents([min(n + 2 - n % 2, nodes - 1) if n < nodes - 1 else -1 for n in range(nodes)])


KINDS: Kinds = {
    TreeLayer: Kind(examples, problems, "refseq.tree_layer, tree_scan", "four forests of 4 to 7 nodes"),
}
