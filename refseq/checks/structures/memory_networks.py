"""Memory networks: each as a function from named arrays to named arrays, examples, and problems."""

from collections.abc import Iterator
from typing import Any

import numpy as np

import refseq
from refseq.checks.function import Arrays, Function, Named, Point, gradients
from refseq.checks.problem import Drawing
from refseq.checks.structures.kind import Kind, Kinds
from refseq.hard_memory_network import HardMemoryNetwork
from refseq.memory_network import MemoryNetwork

STORY = np.array(
    [[[0, 1, 4], [2, 2, -1], [-1, -1, -1], [3, -1, -1]], [[1, 1, 1], [-1, -1, -1], [-1, -1, -1], [-1, -1, -1]]]
)
"""Repeated tokens, a sentence of one word, empty slots between others; tokens that only the question has."""
QUERY = np.array([[1, 3], [5, -1]])
FACTS = np.array([[3, 0], [0, -1]])
VOCABULARY = 6


def examples(inputs: int, units: int) -> Iterator[MemoryNetwork]:
    """Both tyings, both encodings, with and without ages."""
    yield refseq.memory_network(VOCABULARY, inputs, hops=2, ages=4)
    yield refseq.memory_network(VOCABULARY, inputs, hops=2, tying="layerwise", encoding="bag")


def hard_examples(inputs: int, units: int) -> Iterator[HardMemoryNetwork]:
    """Of two facts."""
    yield refseq.hard_memory_network(VOCABULARY, inputs, facts=2, ages=4)


def problems(network: MemoryNetwork, dtype: str, seed: int = 0) -> Iterator[Point]:
    """Weights of every size, and few of them."""
    for regime in ("generic", "coarse"):
        drawing = Drawing(np.random.default_rng([seed, network.hops]), regime, dtype)
        cotangents = {"logits": drawing.signals((len(STORY), network.vocabulary))}
        values = drawing.weights(network.shapes)
        yield Point(network, dtype, f"{regime} 2 stories", of_stories(network), values, cotangents)


def hard_problems(network: HardMemoryNetwork, dtype: str, seed: int = 0) -> Iterator[Point]:
    """With the facts given, and chosen."""
    for number, (name, facts) in enumerate((("given", FACTS), ("chosen", None))):
        drawing = Drawing(np.random.default_rng([seed, number]), "generic", dtype)
        cotangents = {"scores": drawing.signals((*FACTS.shape, STORY.shape[1]))}
        cotangents["logits"] = drawing.signals((len(STORY), network.vocabulary))
        values = drawing.weights(network.shapes)
        yield Point(network, dtype, f"2 stories, facts {name}", of_choices(network, facts), values, cotangents)


def of_stories(network: MemoryNetwork) -> Function:
    """Values are the parameters, the result ``logits``."""

    def forward(values: Named, _constants: Named, target: str) -> tuple[Arrays, Any]:
        run = network.forward(values, STORY, QUERY, target)
        return {"logits": run.logits}, run

    def backward(run: Any, cotangents: Named) -> Arrays:
        return gradients(network.backward(run, cotangents["logits"]))

    return Function(forward, backward)


def of_choices(network: HardMemoryNetwork, facts: np.ndarray | None) -> Function:
    """Values are the parameters, the results ``scores`` and ``logits``."""

    def forward(values: Named, _constants: Named, target: str) -> tuple[Arrays, Any]:
        run = network.forward(values, STORY, QUERY, facts, target)
        return {"scores": run.scores, "logits": run.logits}, run

    def backward(run: Any, cotangents: Named) -> Arrays:
        return gradients(network.backward(run, cotangents["scores"], cotangents["logits"]))

    return Function(forward, backward)


KINDS: Kinds = {
    MemoryNetwork: Kind(
        examples,
        problems,
        "refseq.memory_network, networks.memory_network",
        "two sets of values, two stories",
    ),
    HardMemoryNetwork: Kind(
        hard_examples,
        hard_problems,
        "refseq.hard_memory_network, networks.memory_network",
        "two stories, the facts given and chosen",
    ),
}
