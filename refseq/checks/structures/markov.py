"""Hidden Markov models and linear autoregressive models: as functions from named arrays, examples, and problems.

In the finite field the sum over all paths is checked in both of its forms, as an identity between polynomials in the
exponentials and logarithms that occur: which entries are pivots matters to neither.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from refseq.checks.function import Arrays, Function, Named, Point, gradients
from refseq.checks.problem import Drawing, spread_lengths
from refseq.checks.structures.kind import Kind, Kinds
from refseq.markov.autoregressive import Autoregressive, autoregressive
from refseq.markov.emissions import Emissions, tau
from refseq.markov.hmm import HMM, hmm

STEPS, ROWS = 4, 5


def hmm_examples(inputs: int, units: int) -> Iterator[HMM]:
    """Discrete and Gaussian emissions, both ways to take the sums."""
    yield hmm(units, symbols=inputs + 1)
    yield hmm(units, symbols=inputs + 1, sums="direct")
    yield hmm(units, features=inputs)


def autoregressive_examples(inputs: int, units: int) -> Iterator[Autoregressive]:
    """Of a vector and of a number."""
    yield autoregressive(2, inputs)
    yield autoregressive(1)


def hmm_problems(model: HMM, dtype: str, seed: int = 0) -> Iterator[Point]:
    """Lengths 0, 1 and T among others; scores of several sizes."""
    for regime in ("generic", "coarse", "saturated"):
        drawing = Drawing(np.random.default_rng([seed, model.states]), regime, dtype)
        values = {name: drawing.numbers(shape, _scale(name, regime)) for name, shape in model.shapes.items()}
        lengths, x = spread_lengths(STEPS, ROWS), None
        if model.features:
            values["x"] = drawing.signals((STEPS, ROWS, model.features))
        else:
            x = drawing.rng.integers(0, model.symbols, (STEPS, ROWS))
        cotangents = {"y": drawing.signals((ROWS,))}
        label = f"{regime} T={STEPS} B={ROWS} lengths={','.join(map(str, lengths))}"
        constants = {"tau": tau(values["start"])}
        yield Point(model, dtype, label, of_hmm(model, x, lengths), values, cotangents, constants)


def _scale(name: str, regime: str) -> float:
    """Variances between 1/4 and 4 or so, scores of up to 20 where they are to be saturated."""
    if name == "log_variance":
        return 0.5
    return 6.0 if regime == "saturated" and name != "mean" else 1.0


def of_hmm(model: HMM, symbols: np.ndarray | None, lengths: np.ndarray) -> Function:
    """The log-likelihoods ``y`` of sequences: values are the parameters, and x where it is no symbols; the constant
    ``tau`` is log 2 pi."""

    def forward(values: Named, constants: Named, target: str) -> tuple[Arrays, Any]:
        params = {name: values[name] for name in model.shapes}
        if symbols is None:
            made = Emissions(values["x"], params, lengths, constants["tau"])
        else:
            made = Emissions(symbols, params, lengths)
        run = model._forward(params, made, target)
        return {"y": run.log_likelihood}, run

    def backward(run: Any, cotangents: Named) -> Arrays:
        grads = model.backward(run, cotangents["y"])
        return gradients(grads.params) | ({} if grads.x is None else {"dx": grads.x})

    return Function(forward, backward)


def autoregressive_problems(model: Autoregressive, dtype: str, seed: int = 0) -> Iterator[Point]:
    """Sequences that are shorter than tau among others."""
    for regime in ("generic", "coarse"):
        drawing = Drawing(np.random.default_rng([seed, model.features, model.order]), regime, dtype)
        values = {name: drawing.numbers(shape, 0.5) for name, shape in model.shapes.items()}
        values["x"] = drawing.signals((STEPS, ROWS, model.features))
        lengths, cotangents = spread_lengths(STEPS, ROWS), {"y": drawing.signals((ROWS,))}
        label = f"{regime} T={STEPS} B={ROWS} lengths={','.join(map(str, lengths))}"
        constants = {"tau": tau(values["b"])}
        yield Point(model, dtype, label, of_autoregressive(model, lengths), values, cotangents, constants)


def of_autoregressive(model: Autoregressive, lengths: np.ndarray) -> Function:
    """The conditional log-likelihoods ``y``: values are the parameters and x; the constant ``tau`` is log 2 pi."""

    def forward(values: Named, constants: Named, target: str) -> tuple[Arrays, Any]:
        params = {name: values[name] for name in model.shapes}
        run = model._forward(params, values["x"], lengths, constants["tau"], target)
        return {"y": run.log_likelihood}, run

    def backward(run: Any, cotangents: Named) -> Arrays:
        params, dx = model.backward(run, cotangents["y"])
        return gradients(params) | {"dx": dx}

    return Function(forward, backward)


KINDS: Kinds = {
    HMM: Kind(hmm_examples, hmm_problems, "refseq.markov.chain_rows, posterior_rows", "five sequences, T <= 4"),
    Autoregressive: Kind(
        autoregressive_examples,
        autoregressive_problems,
        "refseq.markov.autoregressive_rows",
        "five sequences, T <= 4",
    ),
}
