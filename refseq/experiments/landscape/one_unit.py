"""The network of the cliff: one sigmoid unit without input, h_t = sigmoid(w h_(t-1) + b), loss (h_T - target)^2.

R. Pascanu, T. Mikolov, Y. Bengio, ICML 2013, figure 6: T = 50, target 0.7.
"""

from typing import Any

import numpy as np

import refseq
from refseq.losses import squared_error

STEPS, TARGET, START = 50, 0.7, 0.1
LAYER = refseq.layer("elman", inputs=1, units=1, activation="sigmoid")


def parameters(w: float, b: float) -> dict[str, np.ndarray]:
    """The layer's parameters; there is no input."""
    return {"W_hx": np.zeros((1, 1, 1)), "W_hh": np.full((1, 1, 1), w), "b_h": np.full((1, 1), b)}


def value_and_gradient(params: dict[str, np.ndarray], batch: object = None) -> tuple[float, dict[str, np.ndarray]]:
    """The loss at the last step, and its gradient by BPTT."""
    state = {"h": np.full((1, 1, 1), START)}
    run = LAYER.forward(params, np.zeros((STEPS, 1, 1)), state)
    loss = squared_error(run.y[-1:], np.full((1, 1, 1), TARGET))
    dy = np.zeros_like(run.y)
    dy[-1:] = loss.gradient
    return float(loss.value), LAYER.backward(run, dy).params


def fold(w: Any) -> Any:
    """The bias at which the low fixed point of h = sigmoid(w h + b), w > 4, disappears: there w h (1 - h) = 1 as well.
    Below it the state stays low; above it goes to the high one: the cliff, for T -> infinity."""
    low = (1 - np.sqrt(1 - 4 / np.asarray(w, float))) / 2
    return np.log(low / (1 - low)) - w * low
