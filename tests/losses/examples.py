"""Problems for the losses: padding full of NaN, rows of length 0 and T, weights with a zero, targets of every kind."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from refseq import losses
from refseq.arrays import lift

STEPS, ROWS, CLASSES, FEATURES = 4, 5, 6, 3
LENGTHS = np.array([0, STEPS, 2, 3, 1])
INSIDE = np.arange(STEPS)[:, None] < LENGTHS


@dataclass(frozen=True)
class Example:
    """A loss with arguments: ``function(predictions, targets, **options)``."""

    function: Callable
    predictions: np.ndarray
    targets: np.ndarray
    options: dict

    def run(self, **changes):
        """The loss, with some of the options (or predictions, targets) changed."""
        options = self.options | changes
        x, y = options.pop("predictions", self.predictions), options.pop("targets", self.targets)
        return self.function(x, y, **options)

    def lifted(self, number, prediction=None):
        """The same over another field; ``prediction`` makes the predictions."""

        def convert(value, make):
            return lift(value, make) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value

        options = {name: convert(value, number) for name, value in self.options.items()}
        if "label_smoothing" in options:
            options["label_smoothing"] = number(options["label_smoothing"])
        predictions = convert(self.predictions, prediction or number)
        return Example(self.function, predictions, convert(self.targets, number), options)


KINDS = ("indices", "smoothed", "distributions", "binary", "squared")


def example(kind: str, dtype: str = "float64", scale: float = 2.0, reduction: str = "mean per token") -> Example:
    """Weights are multiples of 1/8, so that they are exact in every field."""
    rng = np.random.default_rng(KINDS.index(kind) + 17)

    def eighths(*shape):
        return (rng.integers(1, 9, shape) / 8).astype(dtype)

    weights = eighths(STEPS, ROWS)
    weights[1, 1] = 0
    options = {"lengths": LENGTHS, "weights": weights, "reduction": reduction}
    width = CLASSES if KINDS.index(kind) < 3 else FEATURES
    x = (scale * rng.normal(size=(STEPS, ROWS, width))).astype(dtype)
    if kind in ("indices", "smoothed"):
        y = rng.integers(0, CLASSES, (STEPS, ROWS))
        y[2, 1] = -7
        options |= {"ignore_index": -7, "class_weights": eighths(CLASSES)}
        options |= {"label_smoothing": 0.25} if kind == "smoothed" else {}
        y[~INSIDE] = 999
    else:
        y = eighths(*x.shape) if kind != "squared" else rng.normal(size=x.shape).astype(dtype)
        y[~INSIDE] = np.nan
    options |= {"class_weights": eighths(CLASSES)} if kind == "distributions" else {}
    options |= {"pos_weight": eighths(FEATURES)} if kind == "binary" else {}
    x[~INSIDE] = np.nan
    weights[~INSIDE] = np.nan
    functions = [losses.cross_entropy] * 3 + [losses.binary_cross_entropy, losses.squared_error]
    return Example(functions[KINDS.index(kind)], x, y, options)
