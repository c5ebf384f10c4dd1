"""Trees, graphs and every other system on the device, as ``cuda_kernels.bench.checks`` wants them.

Every kind of ``refseq.checks.structures.kinds`` is asked what ``refseq verify`` asks it, forward and backward, at two
sizes of which the second has more units than a warp has threads; and what no gradient goes through: the best path, the
selection of a beam, recall, and the losses of a choice.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

import refseq
from cuda_kernels import inventory
from cuda_kernels.bench.structures import Posed, Values, drawn
from refseq.arrays import rows
from refseq.checks.function import Function
from refseq.checks.structures.kinds import KINDS
from refseq.checks.structures.memory_networks import FACTS, QUERY, STORY, VOCABULARY
from refseq.decoding import beam_search
from refseq.markov import hmm
from refseq.tree_layer import TreeLayer

TINY, SIZES = (2, 3), ((3, 5), (17, 37))
"""Inputs and units."""


def posed(tiny: bool) -> Iterator[Posed]:
    """All of them; for the simulator one problem of every network and choice of results that a loss is of."""
    for sizes in (TINY,) if tiny else SIZES:
        for kind, known in KINDS.items():
            networks = _trees(*sizes) if kind is TreeLayer else list(known.examples(*sizes))
            for network in networks:
                points = list(known.problems(network, "float32", 0))
                for point in _last(points) if tiny else points if sizes == SIZES[0] else _last(points[::-1]):
                    yield of_point(network, point)
    yield from _others()


def _last(points: list[Any]) -> list[Any]:
    """The last one for every set of cotangents."""
    return list({tuple(point.cotangents): point for point in points}.values())


def _trees(inputs: int, units: int) -> list[Any]:
    """Layers whose kernels are in the inventory."""
    return [refseq.tree_layer(name, inputs, units, **options) for name, options in inventory.TREES]


def of_point(network: Any, point: Any) -> Posed:
    """A problem of a kind; what goes in is summed up over rows, steps or nodes."""
    groups = {name: dict(getattr(point, name)) for name in ("values", "constants", "cotangents")}
    often = max(len(array) for array in groups["cotangents"].values())
    terms = often * sum(array.size for array in groups["values"].values())
    shape = f"{network.sizes}, {point.label}"
    run = partial(_everything, point.function)
    return Posed(network.label, groups, run, terms, shape, plainly=True, visits=("float32",))


def _everything(function: Function, groups: Mapping[str, Any], target: str) -> Values:
    return function.everything(groups["values"], groups["constants"], groups["cotangents"], target)


def _others() -> Iterator[Posed]:
    model = hmm(5, symbols=4)
    params = {name: drawn(shape, seed) for seed, (name, shape) in enumerate(model.shapes.items())}
    yield Posed("viterbi", params, partial(_path, model), 100, model.sizes)
    yield Posed("beam", {"table": drawn((9, 7), 3)}, _beam, 10, "width 3")
    stored = {name: drawn((5, 3), seed) for seed, name in enumerate(("keys", "values", "queries"))}
    yield Posed("recall", stored, _recall, 30, "5x3", plainly=True)
    network = refseq.hard_memory_network(VOCABULARY, 3, facts=2, ages=4)
    weights = {name: drawn(shape, seed) for seed, (name, shape) in enumerate(network.shapes.items())}
    for kind in ("margin", "cross_entropy"):
        yield Posed(f"{kind} of a choice", weights, partial(_choice, network, kind), 50, network.sizes, plainly=True)


def _path(model: Any, params: Values, target: str) -> Values:
    x = np.random.default_rng(5).integers(0, model.symbols, (9, 4))
    path, value = model.viterbi(params, x, [9, 0, 1, 4], target)
    return {"path": path, "value": value}


def _beam(values: Values, target: str) -> Values:
    def step(state: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return rows(values["table"], (state + tokens) % 9), state + 1

    found = beam_search(step, np.zeros(3, np.int64), np.arange(3), width=3, cap=5, stop=2, best=3, target=target)
    return {"tokens": found.tokens, "log_probabilities": found.scores}


def _recall(values: Values, target: str) -> Values:
    found = refseq.recall(values["keys"], values["values"], values["queries"], 3.0, target=target)
    return {"values": found.values, "weights": found.weights}


def _choice(network: Any, kind: str, params: Values, target: str) -> Values:
    found = network.fact_loss(network.forward(params, STORY, QUERY, FACTS, target), FACTS, kind, margin=0.3)
    return {"value": found.value, "gradient": found.gradient, "facts": found.facts}
