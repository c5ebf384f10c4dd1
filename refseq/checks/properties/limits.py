"""Limits in which a layer has a closed form, or a range that it cannot leave."""

from dataclasses import replace

import numpy as np

from refseq.checks.budget import THRESHOLD
from refseq.checks.problem import Problem
from refseq.checks.properties.claim import Claim, Claims, asks
from refseq.checks.properties.formulas import ACTIVATIONS, constant_gates, feed_forward
from refseq.checks.properties.sequence import one_way
from refseq.checks.properties.spread import noise, of_two
from refseq.checks.properties.variants import few, padding
from refseq.checks.subject import Subject
from refseq.fields.noise import ACTIVATION_ROUNDOFFS, UNIT_ROUNDOFF

BOUNDED = (
    "elman(activation=tanh)",
    "elman(activation=sigmoid)",
    "lstm",
    "gru(reset=before)",
    "gru(reset=after)",
)
"""Cells whose outputs stay bounded whatever goes in."""


def single(subject: Subject, _problem: Problem) -> bool:
    """One layer."""
    return subject.layer.layers == 1


def single_elman(subject: Subject, _problem: Problem) -> bool:
    """One Elman layer that keeps nothing of its old state."""
    cell = subject.layer.cell
    return subject.layer.layers == 1 and cell.name == "elman" and "zoneout" not in cell.options


def linear(subject: Subject, problem: Problem) -> bool:
    """One linear layer in one direction."""
    label = subject.layer.cell.label
    return single(subject, problem) and one_way(subject, problem) and label == "elman(activation=identity)"


def known(subject: Subject, _problem: Problem) -> bool:
    """The cell's closed form for constant gates is known."""
    return subject.layer.cell.label in (*BOUNDED, "elman(activation=relu)", "elman(activation=identity)")


def bounded(subject: Subject, _problem: Problem) -> bool:
    """The cell cannot leave its range."""
    return subject.layer.cell.label in BOUNDED


@asks("zero weights", "Without weights, are the states the geometric series that the biases make?", known)
def zero_weights(subject: Subject, problem: Problem) -> Claims:
    """All gates are constant; c_t = f^t c_0 + i g (1 - f^t)/(1 - f) for the LSTM."""
    problem = few(problem)
    silent = {name: value * 0 if value.ndim == 3 else value for name, value in problem.params.items()}
    problem = replace(problem, params=silent)
    found = subject.forward(problem)
    yield Claim("closed form of constant gates", found, constant_gates(problem), noise(subject, problem))


@asks("no recurrence", "Without recurrent weights, is every step the function f of its own input?", single_elman)
def no_recurrence(subject: Subject, problem: Problem) -> Claims:
    """y_t = f(W_hx x_t + b_h)."""
    problem = few(problem)
    silent = {name: value * 0 if name.startswith("W_hh") else value for name, value in problem.params.items()}
    problem = replace(problem, params=silent)
    y = feed_forward(problem, 0, ACTIVATIONS[str(subject.layer.cell.options["activation"])])
    yield Claim("feed-forward formula", {"y": subject.forward(problem)["y"]}, {"y": y}, noise(subject, problem))


@asks("linear network", "Is a network without activation the sum of its inputs through powers of W_hh?", linear)
def linear_network(subject: Subject, problem: Problem) -> Claims:
    """y_t = W_hh^(t+1) h_0 + sum_k W_hh^k (W_hx x_{t-k} + b_h)."""
    wide = np.longdouble
    W, U = problem.params["W_hx"][0].astype(wide), problem.params["W_hh"][0].astype(wide)
    drive = problem.x.astype(wide) @ W.T
    if subject.layer.bias:
        drive = drive + problem.params["b_h"][0]
    powers = [np.eye(len(U), dtype=wide)]
    for _ in range(len(drive)):
        powers.append(U @ powers[-1])
    start = problem.state["h"][0].astype(wide)
    outputs = [
        start @ powers[t + 1].T + sum((drive[t - k] @ powers[k].T for k in range(t + 1)), wide(0))
        for t in range(len(drive))
    ]
    y = np.stack(outputs).astype(np.float64)
    y[padding(problem)] = 0
    yield Claim("sum over powers of W_hh", {"y": subject.forward(problem)["y"]}, {"y": y}, of_two(subject, problem))


@asks("ranges", "Do outputs and states stay in the range that the cell's equations allow?", bounded)
def ranges(subject: Subject, problem: Problem) -> Claims:
    """|h| <= 1 for Elman with tanh and LSTM, |c_t| <= |c_0| + t, |h_t| <= max(|h_0|, 1) for GRU, 0 <= sigmoid <= 1."""
    yield from _in_range(subject, problem, "outside the cell's range")


def _in_range(subject: Subject, problem: Problem, words: str) -> Claims:
    layer, found = subject.layer, subject.forward(problem)
    steps = problem.counts[:, None]
    expected, spread = {}, {}
    for name, value in found.items():
        start = np.abs(problem.state["c" if name == "state[c]" else "h"]).astype(np.float64)
        low, high = np.float64(-1), np.ones(value.shape)
        if layer.cell.name == "gru":
            high = np.maximum(1, start)
            if name == "y":
                high = np.concatenate([high[part.row] for part in layer.parts if part.layer == layer.layers - 1], 1)
        if layer.cell.label == "elman(activation=sigmoid)":
            low = np.float64(0)
        if name == "state[c]":
            high = start + steps
        clipped = np.clip(value.astype(np.float64), low * high, high)
        if name != "y":
            clipped = np.where(steps > 0, clipped, value)  # held, in whatever range it came
        # every step may exceed its bound by the roundings of two activations, two products and a sum
        excess = (2 * ACTIVATION_ROUNDOFFS + 3) * UNIT_ROUNDOFF[problem.dtype] * len(problem.x) * high
        expected[name], spread[name] = clipped, np.broadcast_to(excess / THRESHOLD, value.shape)
    yield Claim(words, found, expected, spread)


@asks("saturation", "With arguments of 1e4, is everything finite and in range?", bounded)
def saturation(subject: Subject, problem: Problem) -> Claims:
    """x and biases times 1e4: exp(1e4) overflows, tanh and sigmoid do not, and their slopes are 0 and not NaN."""
    factor = np.array(1e4, problem.dtype)
    params = {name: value * factor if value.ndim < 3 else value for name, value in problem.params.items()}
    scaled = replace(problem, params=params, x=problem.x * factor)
    yield from _in_range(subject, scaled, "with x and biases times 1e4")
    found = subject.everything(scaled)
    finite = {name: np.where(np.isfinite(value), value, 0) for name, value in found.items()}
    yield Claim("not finite with x and biases times 1e4", found, finite, None)
