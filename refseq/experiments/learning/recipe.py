"""How every network of these experiments is trained: the same optimiser, rate, batches and updates for all.

Adam; glorot weights, identity where the name says so; forget gates begin with the bias 1. Every batch is drawn anew, so
that the error of a batch before its update is an error on data never seen. A network has learned its task when the mean
error of the last ``WINDOW`` batches is below the task's level, and its training ends there; one whose updates are used
up, or whose numbers overflow, has not learned it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import refseq
from refseq.experiments.data import dataset
from refseq.layer import Layer
from refseq.optimisers import Adam
from refseq.stack import Stack
from refseq.training import Training

CELLS: dict[str, tuple[str, dict[str, Any], str]] = {
    "elman": ("elman", {}, "glorot"),
    "relu identity": ("elman", {"activation": "relu"}, "identity"),
    "leaky": ("leaky", {"mu": 0.9}, "glorot"),
    "skip": ("skip", {"delay": 4}, "glorot"),
    "gru": ("gru", {}, "glorot"),
    "lstm": ("lstm", {}, "glorot"),
    "lstm_no_forget": ("lstm_no_forget", {}, "glorot"),
    "lstm_peephole": ("lstm_peephole", {}, "glorot"),
    "lstm_coupled": ("lstm_coupled", {}, "glorot"),
}
"""Recurrence, options and initialisation by name. relu identity: Q. Le et al., arXiv:1504.00941."""
QUICK_CELLS = ("elman", "relu identity", "leaky", "gru", "lstm", "lstm_no_forget")
CLIPPING = {"none": None, "norm": "clip_norm"}
ADAM = "Adam's steps are short, whatever the size of a gradient"
"""Why clipping changes little here."""
SETTINGS: dict[str, Any] = {
    "n": 32,
    "rows": 32,
    "updates": 2000,
    "rate": 0.005,
    "norm": 1.0,
    "cell": tuple(CELLS),
    "clipping": tuple(CLIPPING),
}
QUICK: dict[str, Any] = {"n": 16, "rows": 16, "updates": 400, "rate": 0.02, "cell": QUICK_CELLS, "clipping": ("norm",)}
"""Settings of the tasks at growing length, whole and quick; each adds its lengths."""
WINDOW, FORGET_BIAS, DTYPE = 20, 1.0, "float32"

Batch = tuple[np.ndarray, Any]
Judged = tuple[float, np.ndarray, float]
"""A loss, its gradient in y, and the error by which learning is judged."""
Step = Callable[[dict[str, np.ndarray], Any], tuple[float, dict[str, np.ndarray], float]]
"""From parameters and a batch to a loss, its gradient, and the error by which learning is judged."""


def network(name: str, inputs: int, n: int, outputs: int, seed: int) -> tuple[Stack, dict[str, np.ndarray]]:
    """The recurrence of this name under a linear output layer, and its parameters."""
    recurrence, options, scheme = CELLS[name]
    below = refseq.layer(recurrence, inputs, n, **options)
    model = refseq.stack(below, refseq.layer("output", n, outputs))
    return model, initialised(model, seed, scheme)


@dataclass(frozen=True)
class Task:
    """A task at growing length: ``draw(rng, length, rows)`` and ``judge`` as in ``train``, the sizes of x and y, the
    ``level`` of the error below which it is learned; ``error``: what that is, in words."""

    draw: Callable[..., Batch]
    judge: Callable[[np.ndarray, Any], Judged]
    inputs: int
    outputs: int
    level: float
    error: str

    def measure(self, configuration: dict[str, Any], seed: int) -> Any:
        """One training."""
        model, params = network(configuration["cell"], self.inputs, configuration["n"], self.outputs, seed)
        drawn = partial(self.draw, length=configuration["length"], rows=configuration["rows"])
        result = train(model, params, drawn, self.judge, configuration, seed, self.level)
        return dataset(
            {
                "learned": ((), int(result.learned), "1", f"1 if the {self.error} came below the level, else 0"),
                "updates": ((), len(result.errors), "1", "updates made until then, or all"),
                "late": ((), result.late, "1", f"{self.error} of the last batches"),
            }
        )


def initialised(model: Stack, seed: int, scheme: str = "glorot") -> dict[str, np.ndarray]:
    """Parameters, with open forget gates where there are any."""
    params = model.initialise(seed, scheme, DTYPE)
    for number, layer in enumerate(model.layers):
        for name in (name for name in layer.shapes if name.startswith("b_h") and "f" in layer.cell.gates):
            params[f"{number}.{name}"][layer.cell.gates.index("f")] = FORGET_BIAS
    return params


@dataclass(frozen=True, eq=False)
class Result:
    """What training gave: parameters after it, loss and error of every batch before its update, and whether the mean
    error of the last came below the level."""

    params: dict[str, np.ndarray]
    losses: np.ndarray
    errors: np.ndarray
    learned: bool

    @property
    def late(self) -> float:
        """The mean error of the last batches; infinite where numbers overflowed."""
        return float(self.errors[-WINDOW:].mean())


def descend(
    step: Step,
    params: dict[str, np.ndarray],
    draw: Callable[[np.random.Generator], Any],
    settings: dict[str, Any],
    seed: int,
    level: float = 0.0,
) -> Result:
    """Train on batches ``draw(rng)`` with ``step(params, batch) -> (loss, its gradient, error)``.

    settings: "updates" at most, "rate", and if there, "clipping" with the threshold of that name"""
    rng, losses, errors = np.random.default_rng([seed, 1]), [], []

    def value_and_gradient(params: dict[str, np.ndarray], batch: Any) -> tuple[float, dict[str, np.ndarray]]:
        loss, grads, error = step(params, batch)
        losses.append(loss)
        errors.append(error)
        return loss, grads

    def learned() -> bool:
        return len(errors) >= WINDOW and bool(np.mean(errors[-WINDOW:]) < level)

    def batches(order: np.random.Generator) -> Iterator[Any]:
        for _ in range(settings["updates"]):
            yield draw(rng)
            if learned():
                return

    option = CLIPPING[settings.get("clipping", "norm")]
    training = Training(Adam(settings["rate"]), **({option: settings["norm"]} if option else {}))
    try:
        params = training.run(value_and_gradient, params, batches, 1, progress=False).params
    except FloatingPointError:  # numbers overflowed: no update can be made any more
        losses.append(float("inf"))
        errors.append(float("inf"))
    return Result(params, np.array(losses), np.array(errors), learned())


def train(
    model: Stack | Layer,
    params: dict[str, np.ndarray],
    draw: Callable[[np.random.Generator], Batch],
    judge: Callable[[np.ndarray, Any], Judged],
    settings: dict[str, Any],
    seed: int,
    level: float = 0.0,
    lengths: Callable[[Any], Any] = lambda wanted: None,
) -> Result:
    """Train on batches ``draw(rng) -> (x, wanted)`` with ``judge(y, wanted) -> (loss, dloss/dy, error)``: see
    ``descend``; ``lengths`` takes those of the rows from what is wanted."""

    def step(params: dict[str, np.ndarray], batch: Batch) -> tuple[float, dict[str, np.ndarray], float]:
        x, wanted = batch
        run: Any = model.forward(params, x, lengths=lengths(wanted))
        loss, dy, error = judge(run.y, wanted)
        return loss, model.backward(run, dy).params, error

    return descend(step, params, draw, settings, seed, level)
