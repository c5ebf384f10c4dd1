"""Is a gradient right at every entry? The fast form of the question, on the caller's own numbers."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from refseq import arguments
from refseq.checks.entries import extrapolate, rounding_of, screen
from refseq.checks.implementation import Implementation
from refseq.checks.problem import Problem, inputs
from refseq.checks.subject import Misbehaviour, Subject
from refseq.checks.tensors import place as place_of
from refseq.checks.verdict import FAIL, PASS, UNDECIDED, Finding, Outcome, Place, Report
from refseq.layer import Layer

NAME = "every entry"
THRESHOLD = 6.0
"""Estimated errors that a gradient may be away from the differences."""
LOOKED_AT_AGAIN = 64
"""Entries of a tensor, the worst ones, whose differences are extrapolated."""
DOUBTFUL = 1e-3
"""An estimate that is larger than this part of the tensor's largest derivative judges nothing."""


def gradient(
    implementation: Implementation,
    layer: Layer,
    *,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    state: Mapping[str, np.ndarray] | None = None,
    lengths: Any = None,
    dy: np.ndarray | None = None,
    dstate: Mapping[str, np.ndarray] | None = None,
    masks: Mapping[str, np.ndarray] | None = None,
) -> Report:
    """Compare ``implementation.vjp`` with central differences of refseq's forward at every entry of the parameters, of
    x (T, B, I) and of the initial state.

    Everything is float64. dy None: cotangents drawn at random, as for the final state. The report has one outcome, with
    a finding for every tensor that is wrong somewhere, at its worst entry; ``undecided`` where an estimate of the
    differences' error is too large, as at a kink of relu. Raises TypeError or ValueError naming the argument.
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"layer: expected a refseq Layer, got {type(layer).__name__} {layer!r}")
    subject, start = Subject(implementation, layer), time.perf_counter()
    problem = _problem(layer, params, x, state, lengths, dy, dstate, masks)
    findings, doubts = [], []
    try:
        grads = subject.vjp(problem)
    except Misbehaviour as fault:
        findings.append(Finding(NAME, problem.label, Place(fault.tensor), fault.message))
    else:
        rounding = rounding_of(problem)
        for name in inputs(problem):
            found = _wrong(problem, name, grads[name], rounding)
            findings += found if isinstance(found, list) else []
            doubts += [name] if found is None else []
    verdict = FAIL if findings else UNDECIDED if doubts else PASS
    reason = f"the error estimate of the differences is too large for {', '.join(doubts)}" if doubts else ""
    outcome = Outcome(NAME, problem.label, verdict, time.perf_counter() - start, tuple(findings), reason)
    return Report(subject.name, layer.label, layer.sizes, "float64", (outcome,), subject.activations)


def _wrong(problem: Problem, name: str, grad: np.ndarray, rounding: float) -> list[Finding] | None:
    """What is wrong with one tensor; None if that cannot be told."""
    found = screen(problem, name, rounding)
    ratio = np.abs(grad - found.values) / found.errors
    ratio[np.isnan(ratio)] = np.inf
    suspects = np.argsort(-ratio, axis=None, kind="stable")[: min(LOOKED_AT_AGAIN, int((ratio > THRESHOLD).sum()))]
    size = np.abs(found.values).max(initial=0)
    if not len(suspects):
        return [] if found.errors.max(initial=0) <= DOUBTFUL * (size or np.inf) else None
    again = extrapolate(problem, name, suspects, rounding)
    distance = np.abs(grad.flat[suspects] - again.values)
    bad = ~(distance <= THRESHOLD * again.errors)
    if not bad.any():
        return [] if again.errors.max() <= DOUBTFUL * (size or np.inf) else None
    k = int(np.argmax(bad))  # the suspects are in order
    index = tuple(int(i) for i in np.unravel_index(suspects[k], grad.shape))
    words = f"central differences {again.values[k]:.12g} +- {again.errors[k]:.1g}, vjp {grad[index]:.12g}"
    message = f"{words}; {int((ratio > THRESHOLD).sum())} of {grad.size} entries look wrong"
    place, expected, actual = place_of(problem.layer, name, index), float(again.values[k]), float(grad[index])
    return [Finding(NAME, problem.label, place, message, None, None, expected, actual)]


def _problem(layer: Layer, params: Any, x: Any, state: Any, lengths: Any, dy: Any, dstate: Any, masks: Any) -> Problem:
    """The caller's numbers as a problem."""
    params = arguments.parameters(params, layer.shapes, ("float64",), "gradient")
    dtype, sample = np.dtype(np.float64), next(iter(params.values()))
    x = arguments.array("x", x, ("T", "B", layer.inputs), dtype)
    steps, rows, _ = x.shape
    counts = arguments.lengths(lengths, steps, rows)
    shapes = {name: layer.state_shape(rows, name) for name in layer.states}
    rng, shape = np.random.default_rng(0), (steps, rows, layer.outputs)
    dy = rng.normal(size=shape) if dy is None else arguments.array("dy", dy, shape, dtype)
    drawn = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    cotangents = drawn if dstate is None else arguments.states("dstate", dstate, shapes, sample)
    given = arguments.masks(masks, layer.mask_shapes(steps, rows), dtype)
    label, before = f"T={steps} B={rows}", arguments.states("state", state, shapes, sample)
    return Problem(layer, "float64", label, params, x, before, counts, dy, cotangents, given)
