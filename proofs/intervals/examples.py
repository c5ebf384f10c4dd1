"""The lectures' worked examples over balls: the printed numbers, enclosed. What is run are refseq's layers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from flint import arb

import refseq
from proofs.theorem import Answer, Proved, Refuted, Undecided
from refseq.arrays import lift
from refseq.fields.ball import precision
from refseq.layer import Layer, Run

BITS = 128


def balls(array: Any) -> np.ndarray:
    """Floats (exactly), or strings of decimals (enclosed), as balls."""
    return lift(np.asarray(array), lambda number: number if isinstance(number, arb) else arb(number))


def run(over: Layer, weights: Mapping[str, Any], x: Any) -> Run:
    """The layer over balls from the state 0; weights that are not given are 0."""
    zero = {name: np.zeros(shape, object) for name, shape in over.shapes.items()}
    params = {name: balls(_filled(array, weights.get(name, 0.0))) for name, array in zero.items()}
    x = balls(x)
    state = {name: balls(np.zeros(over.state_shape(x.shape[1], name))) for name in over.states}
    return over.forward(params, x, state, target="reference")


def _filled(array: np.ndarray, value: Any) -> np.ndarray:
    array[...] = value
    return array


def _sequence(*inputs: Sequence[float]) -> np.ndarray:
    return np.array(inputs, float).reshape(len(inputs), 1, -1)


def _near(what: str, found: Sequence[arb], printed: Sequence[float], within: arb) -> Answer:
    """Whether every ball lies within this distance of the printed number."""
    worst = arb(0)
    for t, (ball, number) in enumerate(zip(found, printed, strict=True)):
        distance = abs(ball - arb(number))
        if distance > within:
            return Refuted(f"{what} is {number} at step {t}", f"it is in {ball}")
        if not distance <= within:
            return Undecided(f"{what} at step {t}: {ball} is too wide")
        worst = worst.max(distance.upper())
    return Proved(f"{len(found)} enclosures, within {float(worst):.2g}")


def two_linear_units(planted: bool = False) -> Answer:
    """L1.2: all weights 1, no bias: (1,1), (1,1), (2,2) give (4,4), (12,12), (32,32), exactly."""
    hidden, last = refseq.layer("elman", 2, 2, activation="identity"), refseq.layer("output", 2, 2)
    h = run(hidden, {"W_hx": 1.0, "W_hh": 1.0}, _sequence((1, 1), (1, 1), (2, 2))).y
    y = run(last, {"W_yh": 1.0}, h).y
    return _near("y", list(y[:, 0].flat), [4, 4, 12, 12, 31 if planted else 32, 32], arb(0))


TABLES = {  # x1, x2, x3; y; the memory after each step
    "short": ([3, 4, 2, 1, 3], [1, 1, 0, 0, -1], [0, 0, 0, 1, 0], [0, 0, 0, 7, 0], [3, 7, 7, 7, 0]),
    "long": (
        [1, 3, 2, 4, 2, 1, 3, 6, 1],
        [0, 1, 0, 1, 0, 0, -1, 1, 0],
        [0, 0, 0, 0, 0, 1, 0, 0, 1],
        [0, 0, 0, 0, 0, 7, 0, 0, 6],
        [0, 3, 3, 7, 7, 7, 0, 6, 6],
    ),
}


def memory(table: str, planted: bool = False) -> Answer:
    """L1.7: gates set by hand (input 100 x2 - 10, forget 100 x2 + 10, output 100 x3 - 10), linear candidate and output.
    The printed numbers are what is there up to 1/500: the gates are not quite 0 and 1. Planted: the forget gate's bias
    is left out."""
    *inputs, printed, memories = TABLES[table]
    over = refseq.layer("lstm", 3, 1, cell_activation="identity", hidden_activation="identity")
    W = np.zeros((4, 1, 3), object)
    W[0, 0, 1] = W[1, 0, 1] = W[3, 0, 2] = 100.0
    W[2, 0, 0] = 1.0
    b = np.array([[-10.0], [0.0 if planted else 10.0], [0.0], [-10.0]], object)
    x = np.array(inputs, float).T[:, None]
    found = [run(over, {"W_hx": W, "b_h": b}, x[: t + 1]) for t in range(len(x))]
    within = arb(1) / 500
    values = _near("y", [each.y[-1, 0, 0] for each in found], printed, within)
    return (
        values
        if not isinstance(values, Proved)
        else _near("c", [each.state["c"][0, 0, 0] for each in found], memories, within)
    )


def thousand_steps(planted: bool = False) -> Answer:
    """L1.14: y^1000 = w^999 and its derivative 999 w^998, for w = 1, 1.01, 0.99, 0.01 (as decimals, not as floats): 1,
    about 20000, almost 0, almost 0. Planted: one step more."""
    steps = 1001 if planted else 1000
    over = refseq.layer("elman", 1, 1, activation="identity")
    x = np.zeros((steps, 1, 1))
    x[0] = 1
    low, high = {"1": (1, 1), "1.01": (20751, 20752), "0.99": (0, arb("1e-4")), "0.01": (0, arb("1e-1997"))}, arb(0)
    for text, (least, most) in low.items():
        w = arb(text)
        done = run(over, {"W_hx": 1.0, "W_hh": w}, x)
        y = done.y[-1, 0, 0]
        gradient = over.backward(done, None, {"h": balls(np.ones((1, 1, 1)))}).params["W_hh"][0, 0, 0]
        if y < least or y > most or not y.overlaps(w**999) or not gradient.overlaps(999 * w**998):
            return Refuted(f"y = w^999 in [{least}, {most}] for w = {text}", f"y = {y}, gradient {gradient}")
        if not (least <= y <= most):
            return Undecided(f"w = {text}: {y} is too wide")
        high = high.max(y.rad() / y)
    return Proved(f"4 weights, relative radius at most {float(high):.2g}")


def at_bits(name: str, *arguments: Any, bits: int = BITS) -> Answer:
    """One of the examples, with so many bits."""
    with precision(bits):
        return globals()[name](*arguments)
