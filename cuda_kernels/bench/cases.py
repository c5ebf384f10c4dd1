"""Layers that are timed, what they compute in float64, and what is accepted before anything is timed.

float32 and float64 are judged entry by entry as in ``refseq.bench.judge``. Lower precisions cannot be: of those the
error in the norm, ||result - truth|| / ||truth||, is at most 4 eps sqrt(T), 0.3 at most, with the eps of the precision.
It finds wrong formulas, gates and transposes; errors are reported as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from refseq.bench.cases import Arrays, Inputs, LayerCase, named_gradients, named_run
from refseq.bench.judge import limit, relative
from refseq.bench.shapes import Shape

EPS = {"tf32": 2.0**-10, "bfloat16": 2.0**-7, "float16": 2.0**-10}
"""The spacing of 1."""

CELLS: tuple[tuple[str, tuple], ...] = (("lstm", ()), ("gru", (("reset", "after"),)), ("elman", ()))
"""What torch has as well."""

SHAPES = (
    Shape(64, 8, 32, 32),
    Shape(128, 16, 128, 128),
    Shape(256, 64, 256, 256),
    Shape(128, 64, 512, 512),
    Shape(1024, 16, 768, 768),
)
TINY = Shape(3, 2, 4, 5)

SMALL = 50
"""Numbers of x up to which a problem is small."""


@dataclass(frozen=True)
class DeviceCase:
    """A layer in a shape and precision; ``packed``: rows of different lengths, from T/4 to T."""

    layer: LayerCase
    precision: str
    packed: bool = False

    @property
    def key(self) -> str:
        """What names it."""
        return f"{self.layer.label} {self.layer.size} {self.precision}" + " lengths" * self.packed

    @property
    def lengths(self) -> np.ndarray | None:
        """Of every row."""
        return _lengths(self.layer) if self.packed else None

    @property
    def inputs(self) -> Inputs:
        """In float32 or float64; dy is zero beyond a length."""
        return _inputs(self.layer, self.packed)

    @property
    def truth(self) -> dict[str, Arrays]:
        """The results of forward and of both passes."""
        return _truth(self.layer, self.packed)

    def judged(self, results: Mapping[str, Arrays]) -> tuple[float, float]:
        """The largest error of all results of all passes, and the limit."""
        low = self.precision in EPS
        most = low_limit(self.precision, self.layer.shape.T) if low else limit(self.layer)
        measure = in_norm if low else relative
        errors = [measure(results[key][name], want) for key in results for name, want in self.truth[key].items()]
        return float(np.max(errors)), most

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        flops = {name: self.layer.flops(name) for name in self.layer.passes}
        return {"key": self.key, "case": self.layer.to_dict(), "packed": self.packed, "flops": flops}


def _lengths(layer: LayerCase) -> np.ndarray:
    T, B = layer.shape.T, layer.shape.B
    return np.random.default_rng(3).permutation(np.linspace(max(T // 4, 1), T, B).astype(int))


@lru_cache(maxsize=2)
def _inputs(layer: LayerCase, packed: bool) -> Inputs:
    given = layer.inputs()
    if packed:
        for row, length in enumerate(_lengths(layer)):
            given.dy[length:, row] = 0
    return given


@lru_cache(maxsize=2)
def _truth(layer: LayerCase, packed: bool) -> dict[str, Arrays]:
    exact, own = _inputs(layer, packed).astype("float64"), layer.layer
    target = "reference" if exact.x.size <= SMALL else "cpu"  # of few numbers compiling takes longer
    run = own.forward(exact.params, exact.x, exact.state, _lengths(layer) if packed else None, target)
    grads = own.backward(run, exact.dy)
    forward = named_run(run.y, run.state)
    return {"forward": forward, "both": forward | named_gradients(grads.params, grads.x, grads.state)}


def low_limit(precision: str, steps: int) -> float:
    """The largest error in the norm in a low precision, see the module's text."""
    return min(4 * EPS[precision] * steps**0.5, 0.3)


def in_norm(value: np.ndarray, expected: np.ndarray) -> float:
    """||value - expected|| / ||expected||; inf if anything is not finite."""
    if not np.isfinite(value).all():
        return float("inf")
    size = float(np.linalg.norm(expected))
    error = float(np.linalg.norm(np.asarray(value, float) - expected))
    return error / size if size else error


def cases(tiny: bool) -> list[DeviceCase]:
    """All, the LSTM first."""
    if tiny:
        layer = LayerCase(*CELLS[0], TINY, "float32")
        return [DeviceCase(layer, "float32"), DeviceCase(layer, "float32", True), DeviceCase(layer, "bfloat16")]
    found = []
    for number, (name, options) in enumerate(CELLS):
        for shape in SHAPES[1:3] if number else SHAPES:
            for precision in ("float32", "tf32", "bfloat16", "float16", *["float64"] * (not number)):
                layer = LayerCase(name, options, shape, "float64" if precision == "float64" else "float32")
                packed = (False, True) if precision == "float32" and not number else (False,)
                found += [DeviceCase(layer, precision, lengths) for lengths in packed]
    return found
