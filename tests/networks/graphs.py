"""Graph networks, graphs and random problems that the tests of graphs share."""

import numpy as np
from scipy import sparse

import refseq
from refseq.checks.structures import of_graph

NODES = 6
LAYER = refseq.graph_layer(3, 4, 2, edge_types=2, both_ways=True, reset="after")
PLAIN = refseq.graph_layer(2, 4, 3, reset="after")


def adjacency(rng, nodes, density=0.4):
    """A random graph with weights, self loops, and isolated nodes: the last one has no edge."""
    dense = rng.normal(size=(nodes, nodes)) * (rng.random((nodes, nodes)) < density)
    dense[-1], dense[:, -1] = 0, 0
    if nodes > 1:
        dense[0, 0] = 0.5
    return sparse.csr_array(dense)


def problem(layer, seed=0, nodes=NODES, dtype="float64"):
    """Graphs, values by name with the edges' weights, and the cotangent of y."""
    rng = np.random.default_rng(seed)
    graphs = [adjacency(rng, nodes) for _ in range(layer.edge_types)]
    given = {name: 0.7 * rng.normal(size=shape) for name, shape in layer.shapes.items()}
    given |= {"x": rng.normal(size=(nodes, layer.inputs))}
    given |= {f"weights[{r}]": matrix.data.copy() for r, matrix in enumerate(graphs)}
    return graphs, {name: value.astype(dtype) for name, value in given.items()}, rng.normal(size=(nodes, layer.units))


def results(layer, graphs, given, dy, target="cpu"):
    function = of_graph(layer, graphs)
    return function.everything(given, {}, {"y": dy}, target)
