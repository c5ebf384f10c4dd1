"""What most of these experiments look at: an input at time 1 only, and a loss at the last step."""

import numpy as np

from refseq.dynamics import gradient_norms
from refseq.layer import Layer


def pulse(layer: Layer, params: dict, steps: int, seed: int, size: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """The second moments (T,) of the activations, mean h_t^2 over units, and of the gradients, ||dL/dh_t||^2.

    x_1 is ``size`` in every feature and the others are 0. L = dy . h_T, dy a random vector of expected length 1 drawn
    with the seed, so that dL/dh_T has the second moment 1.
    """
    x = np.zeros((steps, 1, layer.inputs))
    x[0] = size
    run = layer.forward(params, x)
    dy = np.zeros_like(run.y)
    dy[-1] = np.random.default_rng([seed, 1]).normal(size=(1, layer.units)) / np.sqrt(layer.units)
    gradients = gradient_norms(layer, params, x, dy=dy)["h"][1:, 0]
    return (run.y[:, 0] ** 2).mean(axis=1), gradients**2


def per_step(values: np.ndarray, steps: int) -> float:
    """The mean factor from each of so many last values to the next; going back in time give them reversed."""
    return float((values[-1] / values[-1 - steps]) ** (1 / steps))
