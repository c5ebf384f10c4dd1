"""Connectionist temporal classification as a function from named arrays to named arrays, examples, and problems."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from refseq.checks.function import Arrays, Function, Named, Point
from refseq.checks.problem import Drawing
from refseq.checks.structures.kind import Kind, Kinds
from refseq.losses.ctc_rows import LOG_PROBS, LOGITS
from refseq.losses.ctc_sequences import sequences
from refseq.losses.ctc_targets import labels_of
from refseq.losses.loss import ones

STEPS, PEAK = 6, 8
"""Frames; how much larger logits are where they are saturated."""
NONE = -1
"""What padded targets hold beyond their lengths."""


@dataclass(frozen=True)
class CTC:
    """The loss of every row, with respect to ``wrt``: "logits" or "log_probs"."""

    wrt: str
    classes: int
    blank: int = 0

    @property
    def label(self) -> str:
        """See ``refseq.checks.tensors.System``."""
        return f"ctc(wrt={self.wrt})"

    @property
    def sizes(self) -> str:
        """See ``refseq.checks.tensors.System``."""
        return f"C={self.classes} blank={self.blank}"

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """It has no parameters."""
        return {}

    @property
    def axes(self) -> Mapping[str, Sequence[str]]:
        """See ``refseq.checks.tensors.System``."""
        return {self.wrt: ("time", "row", "class"), "loss": ("row",)}

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"


@dataclass(frozen=True, eq=False)
class Targets:
    """What the loss is asked for: padded labels (B, L), their lengths, and the frames of every row."""

    labels: np.ndarray
    target_lengths: np.ndarray
    lengths: np.ndarray


@dataclass(frozen=True, eq=False)
class CTCPoint(Point):
    """A problem, with what its function is made of."""

    targets: Targets | None = None


def examples(inputs: int, units: int) -> Iterator[CTC]:
    """Of both forms, with the first and the last class as the blank."""
    yield CTC(LOGITS, units)
    yield CTC(LOG_PROBS, units, units - 1)


def problems(system: CTC, dtype: str, seed: int = 0) -> Iterator[CTCPoint]:
    """Equal neighbours, the empty target, one that its frames can only just spell, one that they cannot, a row without
    frames; peaked and coarse predictions too."""
    for regime in ("generic", "saturated", "coarse"):
        yield problem(system, dtype, regime, seed)


def problem(system: CTC, dtype: str, regime: str = "generic", seed: int = 0) -> CTCPoint:
    """Predictions, with cotangents of the losses."""
    rng = np.random.default_rng([seed, system.classes, system.blank])
    others = [k for k in range(system.classes) if k != system.blank]
    a, b, c = others[0], others[1 % len(others)], others[-1]
    labels = np.array([[a, a, b], [b, c, a], [a, b, a], [NONE] * 3, [a, a, NONE], [NONE] * 3, [c, NONE, NONE]])
    targets = Targets(labels, (labels != NONE).sum(axis=1), np.array([STEPS, STEPS - 1, 3, STEPS, 2, 0, 4]))
    drawing = Drawing(rng, regime, dtype)
    x = drawing.signals((STEPS, len(labels), system.classes)) * (PEAK if regime == "saturated" else 1)
    if system.wrt == LOG_PROBS:
        wide = x.astype(np.float64)
        x = wide - np.log(np.exp(wide).sum(axis=-1, keepdims=True))
    cotangents = {"loss": drawing.signals((len(labels),))}
    label = f"{regime} T={STEPS} B={len(labels)}"
    values = {system.wrt: x.astype(dtype)}
    return CTCPoint(system, dtype, label, of_ctc(system, targets), values, cotangents, {}, targets)


def of_ctc(system: CTC, targets: Targets) -> Function:
    """The value is the predictions, the result ``loss`` (B,); of a target that no path spells, 0."""
    rows = len(targets.labels)
    labels, begins, counts = labels_of(targets.labels, targets.target_lengths, rows, system.classes, system.blank)

    def run(x: np.ndarray, scale: np.ndarray, target: str) -> tuple[np.ndarray, np.ndarray]:
        given = (x, targets.lengths, labels, begins, counts, system.blank, scale, x)
        return sequences(system.wrt, *given, "zero", None, target)

    def forward(values: Named, _constants: Named, target: str) -> tuple[Arrays, tuple[np.ndarray, str]]:
        x = values[system.wrt]
        losses, _ = run(x, ones((rows,), x), target)
        return {"loss": losses}, (x, target)

    def backward(record: tuple[np.ndarray, str], cotangents: Named) -> Arrays:
        x, target = record
        return {f"d{system.wrt}": run(x, cotangents["loss"], target)[1]}

    return Function(forward, backward)


KINDS: Kinds = {
    CTC: Kind(examples, problems, "refseq.losses.ctc", "three batches of 7 rows, 6 frames"),
}
