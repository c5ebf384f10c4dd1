"""A network on one forest or one graph as a function from named arrays to named arrays."""

from collections.abc import Sequence
from typing import Any

from refseq.checks.function import Arrays, Function, Named
from refseq.graph_layer import GraphLayer
from refseq.tree_layer import TreeLayer
from refseq.trees import Forest


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
        found = _gradients(grads.params) | ({} if grads.x is None else {"dx": grads.x})
        return found | {f"dstate[{name}]": value for name, value in (grads.state or {}).items()}

    return Function(forward, backward)


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
        return _gradients(grads.params) | {"dx": grads.x} | weights

    return Function(forward, backward)


def _gradients(params: Named) -> Arrays:
    return {f"d{name}": value for name, value in params.items()}
