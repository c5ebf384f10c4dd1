"""What mutants are run on: small layers, trees and graphs, as functions from named arrays to named arrays.

All sizes differ (T = 5, B = 4, I = 2, H = 3), lengths are unequal and include 0 and T, and nothing is zero or uniform.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np

import refseq
import refseq.trees
from refseq.arrays import lift
from refseq.checks.function import Arrays, Function, Named, Point
from refseq.checks.structures import of_graph, of_tree
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.layer import Layer
from refseq.mutation import probes
from refseq.networks import tree
from refseq.primitives import constant
from refseq.tree_layer import TreeLayer
from refseq.trees import from_children

STEPS, LENGTHS, INPUTS, UNITS = 5, (5, 0, 2, 4), 2, 3


@dataclass(frozen=True)
class Network:
    """A layer on fixed data: ``function`` with the values and cotangents that it is asked for.

    ``beyond``: entries of values and cotangents that must not matter, as masks by name. ``other``: the same function
    with the work divided in another way: by checkpoints or without, a forest in small pieces.
    """

    layer: Any
    function: Function
    values: Arrays
    cotangents: Arrays
    beyond: Arrays
    other: Function | None = None

    @property
    def point(self) -> Point:
        """As the checks see it."""
        return Point(self.layer, "float64", "mutant", self.function, self.values, self.cotangents)


def of_layer(layer: Layer, lengths: np.ndarray, masks: Mapping[str, np.ndarray], checkpoint: int = 0) -> Function:
    """A recurrent layer: values are its parameters, ``x`` and ``state[h]``...; results are ``y`` and ``state[h]``..."""

    def state(arrays: Named) -> Arrays:
        return {name: arrays[f"state[{name}]"] for name in layer.states}

    def forward(values: Named, _constants: Named, target: str) -> tuple[Arrays, Any]:
        params, x = {name: values[name] for name in layer.shapes}, values["x"]
        given = {name: _like(x, mask) for name, mask in masks.items()}
        kept = checkpoint or False
        run = layer.forward(params, x, state(values), lengths, target, masks=given, checkpoint=kept)
        return forward_tensors(run.y, run.state), run

    def backward(run: Any, cotangents: Named) -> Arrays:
        grads = layer.backward(run, cotangents["y"], state(cotangents))
        return gradient_tensors(grads.params, grads.x, grads.state)

    return Function(forward, backward)


def _like(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A mask in the number field of x."""
    return lift(mask, lambda value: constant(x.flat[0], value)) if x.dtype == object else mask.astype(x.dtype)


def masks_of(layer: Layer, rows: int = len(LENGTHS)) -> Arrays:
    """The masks that a layer is given: dropped, expected, kept."""
    rng, shapes = np.random.default_rng(3), layer.mask_shapes(STEPS, rows)
    return {name: rng.choice([0.0, 0.5, 1.0], shape) for name, shape in shapes.items()}


def chain(name: str, options: Mapping[str, Any]) -> Network:
    """A recurrent layer with these options; ``checkpoint`` among them is handed to forward."""
    sizes = {key: value for key, value in options.items() if key != "checkpoint"}
    return in_time(refseq.layer(name, INPUTS, UNITS, **sizes), options.get("checkpoint", 0))


def in_time(layer: Layer, checkpoint: int = 0, counts: Sequence[int] = LENGTHS) -> Network:
    """A recurrent layer on fixed data, rows of these lengths."""
    rng = np.random.default_rng(0)
    rows, lengths, masks = len(counts), np.array(counts), masks_of(layer, len(counts))
    shapes = dict(layer.shapes) | {"x": (STEPS, rows, INPUTS)}
    states = {f"state[{k}]": layer.state_shape(rows, k) for k in layer.states}
    values = {k: 0.7 * rng.normal(size=shape) for k, shape in (shapes | states).items()}
    cotangents = {k: rng.normal(size=shape) for k, shape in ({"y": (STEPS, rows, layer.outputs)} | states).items()}
    outside = np.arange(STEPS)[:, None] >= lengths
    whole, cut = (of_layer(layer, lengths, masks, every) for every in (checkpoint, 0 if checkpoint else 2))
    return Network(layer, whole, values, cotangents, {"x": outside, "y": outside}, cut)


FORESTS: dict[int, list[list[int | None]]] = {
    1: [[], [0], [1], [4], []],
    2: [[3, 5], [], [1, 0], [], [7], [], [None, 4], [], [6, None], []],
    3: [[3, None, 5], [], [1, 0], [], [7], [], [None, None, 4], [], [2, 9, 6], []],
    4: [[3, None, 5], [], [1, 0], [], [7], [], [None, None, None, 4], [], [2, None, 6, 9], []],
}
"""Children of every node, by how many positions there are: several trees, numbers in no order, positions left empty."""


def _tree(name: str, options: Mapping[str, Any], inputs: int, given: bool) -> Network:
    return on_forest(refseq.tree_layer(name, inputs, UNITS, **options), given)


def on_forest(layer: TreeLayer, given: bool = False) -> Network:
    """A tree layer on a forest; ``given``: the states of leaves are."""
    rng, inputs = np.random.default_rng(1), layer.inputs
    forest = from_children(FORESTS[layer.arity or 3])
    shapes = dict(layer.shapes) | ({"x": (forest.nodes, inputs)} if inputs else {})
    if given:
        shapes |= {f"state[{k}]": (len(forest.leaves), UNITS) for k in layer.cell.state}
    values = {k: 0.7 * rng.normal(size=shape) for k, shape in shapes.items()}
    names = ["y", *(f"state[{k}]" for k in layer.cell.state)]
    cotangents = {k: rng.normal(size=(forest.nodes, UNITS)) for k in names}
    function = of_tree(layer, forest)
    return Network(layer, function, values, cotangents, {}, in_small_pieces(function))


@contextmanager
def _small() -> Iterator[None]:
    """One node at a time, and two rows of one gate or one of many."""
    with patch.object(tree, "AT_ONCE", 8), patch.object(tree, "AT_A_TIME", 4):
        yield


def in_small_pieces(function: Function) -> Function:
    """The same function of a tree layer, one node and few rows of the gradients at a time."""
    return Function(_small()(function.forward), _small()(function.backward))


def _graph(steps: int, **options: Any) -> Network:
    from scipy import sparse

    rng = np.random.default_rng(2)
    layer = refseq.graph_layer(INPUTS, UNITS, steps, **options)
    nodes = 6
    matrices = []
    for _ in range(layer.edge_types):
        dense = rng.normal(size=(nodes, nodes)) * (rng.random((nodes, nodes)) < 0.4)
        dense[2], dense[:, 2], dense[0, 0], dense[-1, 1] = 0, 0, 0.5, -0.75
        matrices.append(sparse.csr_array(dense))
    values = {k: 0.7 * rng.normal(size=shape) for k, shape in layer.shapes.items()}
    values |= {"x": rng.normal(size=(nodes, INPUTS))}
    values |= {f"weights[{r}]": matrix.data.copy() for r, matrix in enumerate(matrices)}
    return Network(layer, of_graph(layer, matrices), values, {"y": rng.normal(size=(nodes, UNITS))}, {})


STACK = {"layers": 2, "bidirectional": True}
CHAINS: list[tuple[str, dict]] = [
    ("elman", {}),
    ("gru", {}),
    ("lstm", {}),
    ("elman", STACK | {"merge": "mean"}),
    ("gru", STACK | {"reset": "after"}),
    ("lstm", {"bias": False, "bidirectional": True, "merge": "sum", "checkpoint": 2}),
    ("gru", {"bias": False, "reset": "after"}),
    ("output", {"activation": "softmax"}),
    ("jordan", {"outputs": 4, "zoneout": True}),
    ("jordan", {"outputs": 2, "output": "softmax"}),
    ("lstm", {"projection": 2, "clip": 0.5, "checkpoint": 2, "layers": 2}),
    ("lstm", {"normalise": True, "bidirectional": True}),
    ("lstm_coupled", {"normalise": True, "projection": 4, "clip": 0.5, "bias": False}),
    ("lstm", {"projection": 4}),
    ("lstm_peephole", {"peephole": "full", "output_sees": "new", "zoneout": True}),
    ("lstm_peephole_coupled", {"peephole": "full", "output_sees": "new", "clip": 0.5, "dropout": True}),
    ("lstm_peephole", {"output_sees": "new", "clip": 0.5}),
    ("skip", {"delay": 3}),
    ("leaky", {"learn": "layer", "mu": 0.3}),
    ("leaky", {"learn": "unit", "mu": 0.8, "bias": False, "dropout": True}),
    ("gru", STACK | {"reset": "after", "dropout": True, "zoneout": True}),
    ("lstm_peephole", {"clip": 0.5, "dropout": True, "zoneout": True}),
]
"""Layers that between them use every part of the machinery."""

TREES: list[tuple[str, dict, int, bool]] = [
    ("recursive", {}, 2, False),
    ("recursive", {"arity": 1, "activation": "relu"}, 2, False),
    ("recursive", {"arity": 3}, 0, True),
    ("recursive", {}, 2, True),
    ("tree_lstm", {}, 2, False),
    ("tree_lstm", {"arity": 4}, 2, False),
    ("tree_lstm", {}, 2, True),
    ("tree_lstm", {"arity": 3}, 0, True),
    ("tree_lstm", {"arity": 1, "bias": False}, 2, False),
    ("child_sum_tree_lstm", {}, 2, False),
    ("child_sum_tree_lstm", {}, 2, True),
    ("child_sum_tree_lstm", {"bias": False}, 0, True),
]
GRAPHS: list[dict] = [
    {"steps": 2, "edge_types": 2, "both_ways": True, "reset": "after"},
    {"steps": 3, "cell": "lstm_peephole", "clip": 0.5},
    {"steps": 2, "cell": "leaky", "learn": "unit", "bias": False},
]
REFUSED = {"output": ["dropout"], "additive": ["dropout"], "skip": ["zoneout"]}
"""Options that a recurrence refuses: it has nothing to drop, or keeps older states already."""


def words(name: str, options: Mapping[str, Any]) -> str:
    """What a case is called."""
    return name + "".join(f" {key}={value}" for key, value in options.items())


def options() -> dict[str, Callable[[], Network]]:
    """Every example of every option of every recurrence that is not among CHAINS, by name."""
    found = {}
    for name, recurrence in refseq.catalogue().items():
        for chosen in recurrence.variants():
            called = words(name, chosen)
            if called not in GENERAL and not set(chosen) & set(REFUSED.get(name, ())):
                found[called] = partial(chain, name, chosen)
    return found


def _general() -> Iterator[tuple[str, Callable[[], Network]]]:
    for name, chosen in CHAINS:
        yield words(name, chosen), partial(chain, name, chosen)
    for name, chosen, inputs, given in TREES:
        called = words(name, chosen) + " without x" * (not inputs) + " given leaves" * given
        yield called, partial(_tree, name, chosen, inputs, given)
    for chosen in GRAPHS:
        yield words("graph", chosen), partial(_graph, **chosen)
    yield "lstm of two rows", lambda: in_time(refseq.layer("lstm", INPUTS, UNITS, dropout=True), counts=(2, 5))
    yield "probe", lambda: in_time(probes.recurrent(INPUTS, UNITS))
    yield "probe on trees", lambda: on_forest(probes.by_position(INPUTS, UNITS))
    yield "probe on edges", lambda: on_forest(probes.by_sum(INPUTS, UNITS))


GENERAL: dict[str, Callable[[], Network]] = dict(_general())
"""What judges the machinery that all networks share, by name."""
