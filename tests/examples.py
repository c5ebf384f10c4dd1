"""Layers and problems that many tests share, and everything that a layer computes of a problem, by name."""

import numpy as np

import refseq
from refseq.checks.problem import Problem, draw
from refseq.checks.tensors import forward_tensors, gradient_tensors

LAYERS = [
    refseq.layer("elman", 3, 4),
    refseq.layer("elman", 3, 5, activation="relu", layers=3),
    refseq.layer("lstm", 3, 4),
    refseq.layer("lstm", 2, 3, layers=2, bidirectional=True),
    refseq.layer("lstm", 3, 4, bias=False),
    refseq.layer("gru", 3, 4, bidirectional=True),
    refseq.layer("gru", 5, 3, reset="after", layers=2, bidirectional=True),
    refseq.layer("gru", 3, 4, reset="after", bias=False),
]
STEPS, ROWS = 6, 5


def example(layer: refseq.Layer, dtype: str = "float64", steps: int = STEPS, rows: int = ROWS) -> Problem:
    """A problem with lengths 0 and T among others, and nothing zero or uniform."""
    return draw(layer, dtype, steps, rows)


def everything(problem: Problem, target: str = "cpu", **changes) -> dict[str, np.ndarray]:
    """Outputs, final states and all gradients of a problem with some of its arrays changed."""
    given = {name: getattr(problem, name) for name in ("params", "x", "state", "lengths", "dy", "dstate")} | changes
    layer = problem.layer
    run = layer.forward(given["params"], given["x"], given["state"], given["lengths"], target=target)
    grads = layer.backward(run, given["dy"], given["dstate"])
    return forward_tensors(run.y, run.state) | gradient_tensors(grads.params, grads.x, grads.state)


def same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> bool:
    """The same tensors, bit for bit."""
    return ours.keys() == theirs.keys() and all(
        ours[name].dtype == value.dtype and ours[name].shape == value.shape and ours[name].tobytes() == value.tobytes()
        for name, value in theirs.items()
    )
