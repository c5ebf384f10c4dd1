"""The textbook formulas behind the closed forms, in extended precision and written apart from refseq's cells."""

from collections.abc import Callable

import numpy as np

from refseq.checks.problem import Problem
from refseq.checks.properties.variants import padding

WIDE = np.longdouble
Function = Callable[[np.ndarray], np.ndarray]


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1/(1 + e^-z), from the exponential of a negative number."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, small) / (1 + small)


ACTIVATIONS: dict[str, Function] = {
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": lambda z: np.maximum(z, 0),
    "identity": lambda z: z,
}


def biases(problem: Problem, suffix: str) -> np.ndarray:
    """b_h (G, H) of one part, zero where the layer has none."""
    layer = problem.layer
    zero = np.zeros((len(layer.cell.gates), layer.units), WIDE)
    return problem.params[f"b_h{suffix}"].astype(WIDE) if layer.bias else zero


def reset_bias(problem: Problem, suffix: str) -> np.ndarray:
    """b_hn (H,) of one part, zero where the layer has none."""
    found = problem.params.get(f"b_hn{suffix}")
    return np.zeros(problem.layer.units, WIDE) if found is None else found.astype(WIDE)


def series(z: np.ndarray, added: np.ndarray, start: np.ndarray, t: np.ndarray) -> np.ndarray:
    """s_t of s_t = k s_{t-1} + added from s_0 = start, with k = sigmoid(z): k^t start + added (1 - k^t)/(1 - k)."""
    exponent = -t * np.logaddexp(0, -z)
    return np.exp(exponent) * start - added * np.expm1(exponent) / sigmoid(-z)


def constant_gates(problem: Problem) -> dict[str, np.ndarray]:
    """Outputs and final states of a layer without weights; number of steps taken at t: t + 1, or length - t."""
    layer, counts = problem.layer, problem.counts
    times = np.arange(len(problem.x))[:, None]
    final = {name: value.astype(WIDE) for name, value in problem.state.items()}
    halves = []
    for part in layer.parts:
        taken = (counts - times if part.reverse else times + 1 + 0 * counts)[..., None]
        at = constant_part(problem, part.suffix, part.row, np.maximum(taken, 1))["h"]
        halves.append(np.where(padding(problem)[..., None], 0, at))
        ran = constant_part(problem, part.suffix, part.row, np.maximum(counts, 1)[:, None])
        for name, value in final.items():
            value[part.row] = np.where((counts > 0)[:, None], ran[name], value[part.row])
    y = np.concatenate(halves[-layer.directions :], axis=2)
    return {"y": y.astype(np.float64)} | {f"state[{n}]": v.astype(np.float64) for n, v in final.items()}


def constant_part(problem: Problem, suffix: str, row: int, t: np.ndarray) -> dict[str, np.ndarray]:
    """States after t >= 1 steps of one part without weights."""
    cell, b = problem.layer.cell, biases(problem, suffix)
    h0 = problem.state["h"][row].astype(WIDE)
    if cell.name == "lstm":
        i, g, o = sigmoid(b[0]), np.tanh(b[2]), sigmoid(b[3])
        c = series(b[1], i * g, problem.state["c"][row].astype(WIDE), t)
        return {"h": o * np.tanh(c), "c": c}
    if cell.name == "gru":
        n = np.tanh(b[2] + sigmoid(b[0]) * reset_bias(problem, suffix))
        return {"h": series(b[1], sigmoid(-b[1]) * n, h0, t)}
    return {"h": ACTIVATIONS[str(cell.options["activation"])](b[0]) + 0 * h0 * t}


def feed_forward(problem: Problem, gate: int, f: Function) -> np.ndarray:
    """f(W_hx x_t + b_h) of one gate in each direction of a single layer, zero in the padding."""
    halves = []
    for part in problem.layer.parts:
        W = problem.params[f"W_hx{part.suffix}"][gate].astype(WIDE)
        halves.append(f(problem.x.astype(WIDE) @ W.T + biases(problem, part.suffix)[gate]))
    y = np.concatenate(halves, axis=2)
    y[padding(problem)] = 0
    return y.astype(np.float64)
