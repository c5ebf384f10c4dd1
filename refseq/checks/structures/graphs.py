"""Networks on graphs: one on a graph as a function from named arrays to named arrays, examples, and problems."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import refseq
from refseq.checks.function import Arrays, Function, Named, Point, gradients
from refseq.checks.problem import Drawing
from refseq.checks.structures.kind import Kind, Kinds
from refseq.graph_layer import GraphLayer

NODES = 7


def examples(inputs: int, units: int) -> Iterator[GraphLayer]:
    """Of several cells."""
    graph = refseq.graph_layer
    yield graph(inputs, units, 2, edge_types=2, both_ways=True, reset="after")
    yield graph(inputs, units, 3)
    yield graph(inputs, units, 2, cell="lstm")
    yield graph(inputs, units, 2, cell="leaky", learn="layer")


def problems(layer: GraphLayer, dtype: str, seed: int = 0) -> Iterator[Point]:
    """Edges in both directions, self loops, a node without any; coarse and sparse values too."""
    rng = np.random.default_rng([seed, layer.units])
    for regime in ("generic", "coarse", "sparse"):
        yield graph_problem(layer, random_graph(rng, NODES, layer.edge_types), dtype, regime, seed)


def of_graph(layer: GraphLayer, adjacency: Sequence[Any]) -> Function:
    """A graph network on this graph: values are its parameters, ``x`` and ``weights[r]``, those of the edges of type r;
    the result is ``y``."""

    def forward(values: Named, _constants: Named, target: str) -> tuple[Arrays, Any]:
        params = {name: values[name] for name in layer.shapes}
        weights = [values[f"weights[{r}]"] for r in range(layer.edge_types)]
        run = layer.forward(params, values["x"], adjacency, weights, target)
        return {"y": run.y}, run

    def backward(run: Any, cotangents: Named) -> Arrays:
        grads = layer.backward(run, cotangents["y"])
        weights = {f"dweights[{r}]": value for r, value in enumerate(grads.weights)}
        return gradients(grads.params) | {"dx": grads.x} | weights

    return Function(forward, backward)


def graph_problem(
    layer: GraphLayer, graphs: list, dtype: str = "float64", regime: str = "generic", seed: int = 0
) -> Point:
    """Parameters, ``x`` and the weights of the edges; cotangents of the outputs."""
    nodes = graphs[0].shape[0]
    drawing = Drawing(np.random.default_rng([seed, nodes]), regime, dtype)
    values = drawing.weights(layer.shapes)
    values["x"] = drawing.signals((nodes, layer.inputs))
    values |= {f"weights[{r}]": drawing.signals(matrix.data.shape) for r, matrix in enumerate(graphs)}
    cotangents = {"y": drawing.signals((nodes, layer.units))}
    label = f"{regime} {nodes} nodes, {sum(matrix.nnz for matrix in graphs)} edges"
    return Point(layer, dtype, label, of_graph(layer, graphs), values, cotangents)


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


KINDS: Kinds = {
    GraphLayer: Kind(examples, problems, "refseq.graph_layer, networks.graph, scan", "three graphs of 7 nodes"),
}
