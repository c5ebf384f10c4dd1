"""What networks on trees and graphs are judged on: structures with every shape that has gone wrong somewhere, and
values drawn as for layers (``refseq.checks.problem``)."""

from collections.abc import Iterator

import numpy as np

from refseq.checks.function import Point
from refseq.checks.problem import Drawing
from refseq.checks.structures.functions import of_graph, of_tree
from refseq.graph_layer import GraphLayer
from refseq.tree_layer import TreeLayer
from refseq.trees import Forest, balanced, from_children, from_parents

NODES = 7


def problems(layer: TreeLayer | GraphLayer, dtype: str, seed: int = 0) -> Iterator[Point]:
    """Trees: a forest of two random trees with empty positions, a skewed tree whose leaves' states are given, a
    balanced tree. Graphs: edges in both directions, self loops, a node without any. Saturated and coarse values too."""
    rng = np.random.default_rng([seed, layer.units])
    if isinstance(layer, GraphLayer):
        for regime in ("generic", "coarse", "sparse"):
            yield graph_problem(layer, random_graph(rng, NODES, layer.edge_types), dtype, regime, seed)
        return
    arity = layer.arity or 3
    yield tree_problem(layer, random_forest(rng, NODES, arity, 2), dtype, "generic", seed)
    yield tree_problem(layer, skewed(NODES, arity), dtype, "generic", seed, given=True)
    yield tree_problem(layer, balanced(4) if arity > 1 else skewed(NODES, 1), dtype, "saturated", seed)
    yield tree_problem(layer, random_forest(rng, NODES, arity, 3), dtype, "coarse", seed)


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
    values = {name: drawing.weights(shape) for name, shape in layer.shapes.items()}
    if layer.inputs:
        values["x"] = drawing.signals((forest.nodes, layer.inputs))
    if given:
        values |= {f"state[{name}]": drawing.states((len(forest.leaves), layer.units)) for name in layer.cell.state}
    names = ["y", *(f"state[{name}]" for name in layer.cell.state)]
    cotangents = {name: drawing.signals((forest.nodes, layer.units)) for name in names}
    words = f"{forest.nodes} nodes in {len(forest.roots)} trees, {'given' if given else 'computed'} leaves"
    return Point(layer, dtype, f"{regime} {words}", of_tree(layer, forest), values, cotangents)


def graph_problem(
    layer: GraphLayer, graphs: list, dtype: str = "float64", regime: str = "generic", seed: int = 0
) -> Point:
    """Parameters, ``x`` and the weights of the edges; cotangents of the outputs."""
    nodes = graphs[0].shape[0]
    drawing = Drawing(np.random.default_rng([seed, nodes]), regime, dtype)
    values = {name: drawing.weights(shape) for name, shape in layer.shapes.items()}
    values["x"] = drawing.signals((nodes, layer.inputs))
    values |= {f"weights[{r}]": drawing.signals(matrix.data.shape) for r, matrix in enumerate(graphs)}
    cotangents = {"y": drawing.signals((nodes, layer.units))}
    label = f"{regime} {nodes} nodes, {sum(matrix.nnz for matrix in graphs)} edges"
    return Point(layer, dtype, label, of_graph(layer, graphs), values, cotangents)


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


def random_graph(rng: np.random.Generator, nodes: int, edge_types: int = 1, density: float = 0.4) -> list:
    """A random graph for every edge type, with self loops; the last node has no edge."""
    from scipy import sparse  # slow to import, and few need it

    graphs = []
    for _ in range(edge_types):
        dense = rng.normal(size=(nodes, nodes)) * (rng.random((nodes, nodes)) < density)
        dense[-1], dense[:, -1] = 0, 0
        if nodes > 1:
            dense[0, 0] = 0.5
        graphs.append(sparse.csr_array(dense))
    return graphs
