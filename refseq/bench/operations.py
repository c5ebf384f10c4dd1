"""Operations of training that are timed beside layers: a loss with its gradient, clipping, a step of Adam.

    cross_entropy  T x B x V logits, T x B indices: the mean and its gradient
    clip           N numbers in 4 arrays, to half their norm, in place
    adam           N parameters in 4 arrays, one step, in place
    ctc            T x B x C log-probabilities taken as logits, L labels a row: the sum of the losses, and its gradient

All but ctc are bound by memory; they have no matrix products.
"""

from dataclasses import dataclass
from itertools import count
from math import prod
from typing import Any

import numpy as np

from refseq import clipping, losses, optimisers
from refseq.bench.cases import Arrays, Case

SIZES: dict[str, tuple[tuple[int, ...], ...]] = {
    "cross_entropy": ((64, 32, 5000),),
    "clip": ((10_000_000,),),
    "adam": ((10_000_000,),),
    "ctc": ((50, 4, 30, 10), (150, 16, 80, 40)),
}
"""The usual sizes of each."""

TRAFFIC = {"cross_entropy": 2, "clip": 2, "adam": 7, "ctc": 2}
"""Arrays read and written once each: logits, gradient; gradients, clipped; p, g, m, v read and p, m, v written."""

ARRAYS = 4
SHRINK = 0.99
"""The next call's limit: it has something to clip each time."""


@dataclass(frozen=True)
class OperationCase(Case):
    """An operation of this size."""

    name: str
    sizes: tuple[int, ...]
    dtype: str
    passes = ("call",)

    @property
    def label(self) -> str:
        """See ``Case``."""
        return self.name

    @property
    def size(self) -> str:
        """See ``Case``."""
        return "x".join(f"{size}" for size in self.sizes)

    def inputs(self) -> Arrays:
        """Logits and targets, or parameters p and gradients g in a few arrays."""
        rng, dtype = np.random.default_rng(1), np.dtype(self.dtype)
        if self.name == "cross_entropy":
            logits = rng.normal(size=self.sizes).astype(dtype)
            return {"logits": logits, "targets": rng.integers(0, self.sizes[-1], self.sizes[:-1])}
        if self.name == "ctc":
            return _ctc_inputs(rng, self.sizes, dtype)
        pieces = np.array_split(np.arange(self.sizes[0]), ARRAYS)
        kinds = ("g",) if self.name == "clip" else ("g", "p")
        drawn = {f"{kind}{k}": rng.normal(size=len(piece)) for kind in kinds for k, piece in enumerate(pieces)}
        return {name: value.astype(dtype) for name, value in drawn.items()}

    def truth(self, inputs: Arrays) -> dict[str, Arrays]:
        """refseq in float64."""
        exact = {name: value.astype("float64") if value.dtype.kind == "f" else value for name, value in inputs.items()}
        return {"call": as_named(self, own_call(self, exact)())}

    def flops(self, passed: str) -> None:
        """There is no matrix product."""

    def traffic(self, passed: str) -> int:
        """See ``TRAFFIC``."""
        return TRAFFIC[self.name] * self._numbers * np.dtype(self.dtype).itemsize

    @property
    def _numbers(self) -> int:
        """Entries of what is given."""
        return prod(self.sizes[:3])

    @property
    def terms(self) -> int:
        """The norm is one sum over everything, whose error is shared by all results."""
        return self._numbers

    def to_dict(self) -> dict[str, Any]:
        """See ``Case``."""
        return {"kind": "operation", "name": self.name, "shape": list(self.sizes), "dtype": self.dtype}


def _ctc_inputs(rng: np.random.Generator, sizes: tuple[int, ...], dtype: np.dtype) -> Arrays:
    """Equal neighbours in every target; the first row is shorter than the others."""
    steps, rows, classes, count = sizes
    x = rng.normal(size=(steps, rows, classes))
    targets = rng.integers(1, classes, (rows, count))
    targets[:, count // 2] = targets[:, count // 2 - 1]
    lengths, target_lengths = np.full(rows, steps), np.full(rows, count)
    lengths[0], target_lengths[0] = steps - steps // 20, count - count // 10
    logits = (x - np.logaddexp.reduce(x, axis=2, keepdims=True)).astype(dtype)
    return {"logits": logits, "targets": targets, "lengths": lengths, "target_lengths": target_lengths}


def split(inputs: Arrays, kind: str) -> Arrays:
    """The arrays of one kind, "g" or "p", without their kind in the name."""
    return {name[1:]: value for name, value in inputs.items() if name[0] == kind}


def threshold(case: OperationCase) -> float:
    """Half of the norm of N normal numbers: everything is scaled."""
    return 0.5 * prod(case.sizes) ** 0.5


def own_call(case: OperationCase, inputs: Arrays) -> Any:
    """The operation as refseq's public functions do it: a function without arguments."""
    if case.name == "cross_entropy":
        return lambda: losses.cross_entropy(inputs["logits"], inputs["targets"])
    if case.name == "ctc":
        given: dict[str, Any] = {name: inputs[name] for name in ("lengths", "target_lengths")}
        return lambda: losses.ctc_of_logits(inputs["logits"], inputs["targets"], reduction="sum", **given)
    g, p = ({name: value.copy() for name, value in split(inputs, kind).items()} for kind in ("g", "p"))
    if case.name == "clip":
        limits = (threshold(case) * SHRINK**k for k in count())
        return lambda: clipping.clip_by_norm(g, next(limits), out=g)
    rule = optimisers.Adam()
    state = rule.initialise(p)

    def step() -> tuple[Arrays, Arrays]:
        after = rule.step(p, g, state, out=(p, state))
        state["step"] = after[1]["step"]
        return after

    return step


def as_named(case: OperationCase, result: Any) -> Arrays:
    """The result of ``own_call`` as named arrays."""
    if case.name in ("cross_entropy", "ctc"):
        return {"loss": np.asarray(result.value), "dlogits": result.gradient}
    if case.name == "clip":
        grads, norm = result
        return {"norm": np.asarray(norm), **{f"g{name}": value for name, value in grads.items()}}
    return {f"p{name}": value for name, value in result[0].items()}
