"""Attention and self-attention: as functions from named arrays to named arrays, examples, and problems."""

from collections.abc import Iterator
from typing import Any

import numpy as np

import refseq
from refseq.attention import Attention
from refseq.checks.function import Arrays, Function, Named, Point, gradients
from refseq.checks.problem import Drawing
from refseq.checks.structures.kind import Kind, Kinds
from refseq.self_attention import SelfAttention

QUERIES, KEYS, ROWS, VALUES = 3, 4, 3, 2
TOKENS = ("queries", "keys", "values")
ALONE = ", outputs alone"


def examples(inputs: int, units: int) -> Iterator[Attention]:
    """Every score, plain and streaming, causal or not."""
    make = refseq.attention
    yield make("additive", inputs, units, units=4)
    yield make("additive", inputs, units, units=4, causal=True, streaming=True)
    yield make("dot", inputs, inputs, causal=True)
    yield make("scaled_dot", units, units)
    yield make("general", inputs, units, streaming=True)


def self_examples(inputs: int, _units: int) -> Iterator[SelfAttention]:
    """Several heads."""
    yield refseq.self_attention(inputs, 4, heads=2)
    yield refseq.self_attention(inputs, 2, causal=False, streaming=True)


def problems(network: Attention, dtype: str, seed: int = 0) -> Iterator[Point]:
    """Rows of all, some and no keys; keys left out by a mask, queries beyond their length; coarse values too; a loss of
    outputs and weights, and one of outputs alone."""
    lengths, query_lengths = np.array([KEYS, 0, KEYS - 1]), np.array([QUERIES, QUERIES, QUERIES - 1])
    mask = np.ones((KEYS, ROWS), bool)
    mask[1, 0] = mask[0, 2] = False
    yield attention_problem(network, dtype, "generic", seed)
    who = {"lengths": lengths, "mask": mask, "query_lengths": query_lengths}
    yield attention_problem(network, dtype, "coarse", seed, **who)
    if not network.streaming:
        yield attention_problem(network, dtype, "generic", seed, weights=False, **who)


def attention_problem(
    network: Attention, dtype: str, regime: str, seed: int, weights: bool = True, **who: Any
) -> Point:
    """Parameters, queries, keys and values; cotangents of outputs and, if asked for, of weights."""
    drawing = Drawing(np.random.default_rng([seed, network.queries, network.keys]), regime, dtype)
    values = drawing.weights(network.shapes)
    shapes = (QUERIES, ROWS, network.queries), (KEYS, ROWS, network.keys), (KEYS, ROWS, VALUES)
    values |= {name: drawing.signals(shape) for name, shape in zip(TOKENS, shapes, strict=True)}
    cotangents = {"y": drawing.signals((QUERIES, ROWS, VALUES))}
    if weights and not network.streaming:
        cotangents["weights"] = drawing.signals((QUERIES, ROWS, KEYS))
    label = f"{regime} {QUERIES} queries, {KEYS} keys" + (", masked" if who else "") + ("" if weights else ALONE)
    return Point(network, dtype, label, of_attention(network, weights, **who), values, cotangents)


def of_attention(network: Attention, weights: bool = True, **who: Any) -> Function:
    """Attention with these lengths and this mask: values are its parameters, ``queries``, ``keys`` and ``values``;
    results are ``y``, and ``weights`` unless it streams or nobody wants them."""

    def forward(values: Named, _constants: Named, target: str) -> tuple[Arrays, Any]:
        params = {name: values[name] for name in network.shapes}
        run = network.forward(params, *(values[name] for name in TOKENS), target=target, **who)
        return {"y": run.y} | ({"weights": run.weights} if weights and run.weights is not None else {}), run

    def backward(run: Any, cotangents: Named) -> Arrays:
        grads = network.backward(run, cotangents["y"], cotangents.get("weights"))
        return gradients(grads.params) | {f"d{name}": getattr(grads, name) for name in TOKENS}

    return Function(forward, backward)


def self_problems(network: SelfAttention, dtype: str, seed: int = 0) -> Iterator[Point]:
    """Rows of all, some and no tokens; a loss of outputs and weights, and one of outputs alone."""
    yield self_problem(network, dtype, seed)
    if not network.streaming:
        yield self_problem(network, dtype, seed, weights=False)


def self_problem(network: SelfAttention, dtype: str, seed: int, weights: bool = True) -> Point:
    """Parameters and tokens; cotangents as in ``attention_problem``."""
    drawing = Drawing(np.random.default_rng([seed, network.units]), "generic", dtype)
    lengths = np.array([QUERIES, 0, QUERIES - 1])
    shape = (QUERIES, ROWS, network.inputs)
    values = drawing.weights(network.shapes) | {"x": drawing.signals(shape)}
    cotangents = {"y": drawing.signals(shape)}
    if weights and not network.streaming:
        cotangents["weights"] = drawing.signals((QUERIES, ROWS, network.heads, QUERIES))
    function, label = of_self_attention(network, lengths, weights), f"{QUERIES} tokens" + ("" if weights else ALONE)
    return Point(network, dtype, label, function, values, cotangents)


def of_self_attention(network: SelfAttention, lengths: np.ndarray | None = None, weights: bool = True) -> Function:
    """Values are its parameters and ``x``; results are as in ``of_attention``."""

    def forward(values: Named, _constants: Named, target: str) -> tuple[Arrays, Any]:
        params = {name: values[name] for name in network.shapes}
        run = network.forward(params, values["x"], lengths=lengths, target=target)
        return {"y": run.y} | ({"weights": run.weights} if weights and run.weights is not None else {}), run

    def backward(run: Any, cotangents: Named) -> Arrays:
        grads = network.backward(run, cotangents["y"], cotangents.get("weights"))
        return gradients(grads.params) | {"dx": grads.x}

    return Function(forward, backward)


KINDS: Kinds = {
    Attention: Kind(examples, problems, "refseq.attention, networks.attention", "3 queries and 4 keys, 3 rows"),
    SelfAttention: Kind(
        self_examples,
        self_problems,
        "refseq.self_attention, networks.attention",
        "rows of 3, 0 and 2 tokens",
    ),
}
