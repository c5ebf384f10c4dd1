"""Checks of anything that is differentiable and runs over any number field: networks on trees and on graphs.

transposed  VJP = transposed JVP over GF(2^61 - 1), exactly
enclosures  rigorous values and gradients: the forward source over balls, its gradients by a reverse tape
deviations  how far a compiled run is from them, in sigma of its rounding errors (Monte-Carlo arithmetic)

All three see nothing but two functions from named arrays to named arrays.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from refseq.arrays import lift
from refseq.fields.ball import precision
from refseq.fields.differential import Dual, Node, pull_back
from refseq.fields.noise import UNIT_ROUNDOFF, Noisy, Rounding
from refseq.fields.residue import MODULUS, Residue
from refseq.graph_layer import GraphLayer
from refseq.tree_layer import TreeLayer
from refseq.trees import Forest

Arrays = dict[str, np.ndarray]

THRESHOLD = 16.0
"""Sigma at which a deviation is an error, as for the recurrent layers (``refseq.checks.budget``)."""

_SAMPLES, _FINEST = 32, 2.0**-40


@dataclass(frozen=True)
class Function:
    """forward(values, target) -> (results, record); backward(record, cotangents of the results) -> gradients, by the
    names of the values."""

    forward: Callable[[Arrays, str], tuple[Arrays, Any]]
    backward: Callable[[Any, Arrays], Arrays]


def of_tree(layer: TreeLayer, forest: Forest) -> Function:
    """A tree layer on this forest: values are its parameters, ``x``, and ``state[h]``... if those of leaves are given;
    results are ``y`` and ``state[h]``..."""

    def state(arrays: Arrays) -> Arrays | None:
        return {name: arrays[f"state[{name}]"] for name in layer.cell.state if f"state[{name}]" in arrays} or None

    def forward(values: Arrays, target: str) -> tuple[Arrays, Any]:
        params = {name: values[name] for name in layer.shapes}
        run = layer.forward(params, values.get("x"), forest, state(values), target)
        return {"y": run.y} | {f"state[{name}]": value for name, value in run.state.items()}, run

    def backward(run: Any, cotangents: Arrays) -> Arrays:
        grads = layer.backward(run, cotangents["y"], state(cotangents))
        found = dict(grads.params) if grads.x is None else grads.params | {"x": grads.x}
        return found | {f"state[{name}]": value for name, value in (grads.state or {}).items()}

    return Function(forward, backward)


def of_graph(layer: GraphLayer, adjacency: Any) -> Function:
    """A graph network on this graph: values are its parameters, ``x`` and ``weights[r]``, those of the edges of type r;
    the result is ``y``."""

    def forward(values: Arrays, target: str) -> tuple[Arrays, Any]:
        params = {name: values[name] for name in layer.shapes}
        weights = [values[f"weights[{r}]"] for r in range(layer.edge_types)]
        run = layer.forward(params, values["x"], adjacency, weights, target)
        return {"y": run.y}, run

    def backward(run: Any, cotangents: Arrays) -> Arrays:
        grads = layer.backward(run, cotangents["y"])
        return grads.params | {"x": grads.x} | {f"weights[{r}]": value for r, value in enumerate(grads.weights)}

    return Function(forward, backward)


def transposed(function: Function, values: Mapping[str, np.ndarray], seed: int = 0) -> list[str]:
    """The values whose gradient is not the transpose of the forward derivative over GF(2^61 - 1); only the shapes of
    ``values`` matter. A wrong gradient survives with a probability below 2^-40 (see ``refseq.fields.residue``)."""
    rng = np.random.default_rng(seed)

    def residues(array: np.ndarray) -> np.ndarray:
        return lift(rng.integers(0, MODULUS, array.shape), Residue)

    points = {name: residues(array) for name, array in values.items()}
    towards = {name: residues(array) for name, array in values.items()}
    results, record = function.forward(points, "reference")
    cotangents = {name: residues(array) for name, array in results.items()}
    gradients = function.backward(record, cotangents)

    def holds(names: list[str]) -> bool:
        """<cotangents, J v> = <J^T cotangents, v> for the direction v through these values."""
        moved = {name: array if name in names else 0 * array for name, array in towards.items()}
        duals = {name: _paired(Dual, points[name], moved[name]) for name in points}
        pushed = function.forward(duals, "reference")[0]
        ours = sum(((d.tangent * w) for name, array in pushed.items() for d, w in _pairs(array, cotangents[name])), 0)
        theirs = sum((g * v for name in names for g, v in _pairs(gradients[name], towards[name])), 0)
        return ours == theirs

    return [] if holds(list(points)) else [name for name in points if not holds([name])] or ["all values at once"]


def enclosures(
    function: Function, values: Mapping[str, np.ndarray], cotangents: Mapping[str, np.ndarray], bits: int = 256
) -> tuple[Arrays, Arrays]:
    """Balls that hold the true results and the true gradients."""
    with precision(bits):
        tape: list[Node] = []
        nodes = {name: lift(array, lambda number: Node(tape, arb(number))) for name, array in values.items()}
        results = function.forward(nodes, "reference")[0]
        seeds = [(n, arb(float(w))) for name, array in results.items() for n, w in _pairs(array, cotangents[name])]
        pulled = pull_back(tape, seeds)

        def gradient(node: Node) -> arb:
            found = pulled[node.index]
            return arb(0) if found is None else arb(found)

        found = {name: _each(array, lambda node: node.value) for name, array in results.items()}
        return found, {name: _each(array, gradient) for name, array in nodes.items()}


def deviations(
    function: Function, values: Mapping[str, np.ndarray], cotangents: Mapping[str, np.ndarray], target: str = "cpu"
) -> dict[str, float]:
    """For every result, and every gradient (``d`` before its name), the largest distance to the true value in sigma of
    the rounding errors; inf where nothing is rounded and the value is not exact, or is no number."""
    results, record = function.forward(dict(values), target)
    ours = _together(results, function.backward(record, dict(cotangents)))
    true = _together(*enclosures(function, values, cotangents))
    dtype = str(next(iter(values.values())).dtype)
    spread = _spreads(function, values, cotangents, dtype)
    worst = {}
    for name, array in ours.items():
        exact = np.array([float(ball) for ball in true[name].flat]).reshape(array.shape)
        error = np.array([float((arb(float(v)) - b).abs_upper()) for v, b in _pairs(array, true[name])]).reshape(
            array.shape
        )
        error = np.where(error <= 2.0**-200 * (1 + np.abs(exact)), 0.0, error)  # the radius of the ball itself
        sigma = np.where(spread[name] > 0, np.hypot(spread[name], UNIT_ROUNDOFF[dtype] * exact), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(error == 0, 0.0, error / sigma)
        worst[name] = float(np.max(np.where(np.isfinite(array), ratio, np.inf), initial=0.0))
    return worst


def _spreads(function: Function, values: Mapping, cotangents: Mapping, dtype: str) -> Arrays:
    """Standard deviations of the rounding errors. Roundings of 2^-53 would be rounded themselves: larger ones are
    simulated, and the spread, which is proportional, is scaled."""
    u = UNIT_ROUNDOFF[dtype]
    rounding = Rounding(max(u, _FINEST), _SAMPLES, 0)
    noisy = {name: lift(array, rounding.number) for name, array in values.items()}
    results, record = function.forward(noisy, "reference")
    seeds = {name: lift(array, rounding.number) for name, array in cotangents.items()}

    def deviation(number: Noisy) -> float:
        return float(np.std(number.samples)) * u / max(u, _FINEST)

    found = _together(results, function.backward(record, seeds))
    return {name: _each(array, deviation).astype(np.float64) for name, array in found.items()}


def _together(results: Arrays, gradients: Arrays) -> Arrays:
    return results | {f"d{name}": array for name, array in gradients.items()}


def _pairs(a: np.ndarray, b: np.ndarray) -> list[tuple]:
    return list(zip(a.flat, b.flat, strict=True))


def _paired(kind: Callable, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    result = np.empty(a.shape, object)
    result.reshape(-1)[:] = [kind(x, y) for x, y in _pairs(a, b)]
    return result


def _each(array: np.ndarray, function: Callable) -> np.ndarray:
    result = np.empty(array.shape, object)
    result.reshape(-1)[:] = [function(entry) for entry in array.flat]
    return result
