"""Networks on trees and on graphs that are timed beside layers.

    recursive, tree_lstm, child_sum_tree_lstm    balanced trees: trees x leaves of each x inputs x units
    graph    gated graph network, GRU with its reset gate after the product: nodes x edges of each x units x rounds

forward is outputs alone; both also has the gradients of parameters, inputs and, of a graph, of the edges' weights.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from refseq.bench.cases import Arrays, Case
from refseq.graph_layer import GraphLayer, graph_layer
from refseq.tree_layer import TreeLayer, tree_layer
from refseq.trees import Forest, balanced, join

TREES = ("recursive", "tree_lstm", "child_sum_tree_lstm")

SIZES: dict[str, tuple[tuple[int, ...], ...]] = {
    **dict.fromkeys(TREES, ((500, 20, 16, 32), (100, 20, 64, 128))),
    "graph": ((2000, 4, 32, 5), (2000, 4, 128, 5)),
}
"""The usual sizes of each."""


@dataclass(frozen=True)
class StructureCase(Case):
    """A network of this name on a forest or graph of these sizes."""

    name: str
    sizes: tuple[int, ...]
    dtype: str
    passes = ("forward", "both")

    @property
    def label(self) -> str:
        """See ``Case``."""
        return self.name

    @property
    def size(self) -> str:
        """See ``Case``."""
        return "x".join(f"{size}" for size in self.sizes)

    @property
    def units(self) -> int:
        """H."""
        return self.sizes[3] if self.name in TREES else self.sizes[2]

    @cached_property
    def forest(self) -> Forest:
        """The trees."""
        trees, leaves = self.sizes[:2]
        return join([balanced(leaves)] * trees)

    @cached_property
    def layer(self) -> TreeLayer | GraphLayer:
        """The network."""
        if self.name in TREES:
            return tree_layer(self.name, *self.sizes[2:])
        return graph_layer(self.units, self.units, self.sizes[3], reset="after")

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Source and target of every edge of the graph, in ascending order of both; none twice."""
        nodes, degree = self.sizes[:2]
        rng = np.random.default_rng(2)
        drawn = rng.integers(0, nodes * nodes, nodes * degree)
        return np.divmod(np.unique(drawn), nodes)

    def adjacency(self, weights: np.ndarray) -> Any:
        """The graph as a matrix of scipy.sparse."""
        from scipy import sparse

        nodes = self.sizes[0]
        return sparse.csr_array((weights, self.ends), shape=(nodes, nodes))

    def inputs(self) -> Arrays:
        """Parameters, small biases among them, x and dy (N, .), and for a graph the edges' weights."""
        rng, layer = np.random.default_rng(1), self.layer
        given = layer.initialise(seed=0)
        given = {name: p if p.any() else rng.normal(size=p.shape) / 10 for name, p in given.items()}
        nodes = self.forest.nodes if self.name in TREES else self.sizes[0]
        given |= {"x": rng.normal(size=(nodes, layer.inputs)), "dy": rng.normal(size=(nodes, self.units))}
        if self.name not in TREES:
            given["weights"] = rng.normal(size=len(self.ends[0])) / 2
        return {name: np.ascontiguousarray(value, self.dtype) for name, value in given.items()}

    def truth(self, inputs: Arrays) -> dict[str, Arrays]:
        """refseq on the target "cpu" in float64."""
        exact = {name: value.astype("float64") for name, value in inputs.items()}
        forward, both = own_calls(self, exact)
        return {"forward": read_run(forward()), "both": read_both(self, both())}

    def flops(self, passed: str) -> int:
        """2 for every entry of a matrix that is multiplied: those of x for every node, of a child for every child, of a
        message and of a cell for every node and round; three times that with backward. Sums over edges are not
        counted."""
        shapes = {name: shape for name, shape in self.layer.shapes.items() if len(shape) == 3}
        if self.name not in TREES:
            total = self.sizes[0] * self.sizes[3] * sum(map(prod, shapes.values()))
        else:
            children, nodes = len(self.forest.children), self.forest.nodes
            inner = nodes - len(self.forest.leaves)
            rows = {"W_hx": nodes, "W_fx": inner, "W_fh": children, "W_hh": inner}
            total = sum(prod(shape) * rows[name[:4]] for name, shape in shapes.items())
        return 2 * total * (1 if passed == "forward" else 3)

    def traffic(self, passed: str) -> int:
        """forward reads parameters, x and the edges' weights, and writes y; both also reads dy and writes a gradient
        for each of the former."""
        given = self.inputs()
        outputs = given.pop("dy").size
        read = sum(value.size for value in given.values())
        numbers = read + outputs + (read + outputs if passed == "both" else 0)
        return numbers * np.dtype(self.dtype).itemsize

    @property
    def terms(self) -> int:
        """A gradient of a weight sums over all nodes (and rounds)."""
        return self.forest.nodes if self.name in TREES else prod(self.sizes[:2]) * self.sizes[3]

    def to_dict(self) -> dict[str, Any]:
        """See ``Case``."""
        return {"kind": "structure", "name": self.name, "shape": list(self.sizes), "dtype": self.dtype}


def parameters(case: StructureCase, inputs: Arrays) -> Arrays:
    """The parameters alone."""
    return {name: inputs[name] for name in case.layer.shapes}


def own_calls(case: StructureCase, inputs: Arrays) -> tuple[Any, Any]:
    """Both passes as refseq's public functions do them: functions without arguments."""
    layer: Any = case.layer
    params = parameters(case, inputs)
    along = case.forest if case.name in TREES else case.adjacency(inputs["weights"])

    def forward() -> Any:
        return layer.forward(params, inputs["x"], along, target="cpu")

    def both() -> Any:
        made = forward()
        return made, layer.backward(made, inputs["dy"])

    return forward, both


def read_run(run: Any) -> Arrays:
    """The outputs by name."""
    return {"y": run.y}


def read_both(case: StructureCase, result: Any) -> Arrays:
    """Outputs and gradients by name."""
    run, grads = result
    found = {f"d{name}": value for name, value in grads.params.items()} | {"dx": grads.x}
    return read_run(run) | found | ({} if case.name in TREES else {"dweights": grads.weights[0]})
