"""Real-valued frames in the place of tokens: they are their own features, and the squared error is their loss."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import arguments, losses
from refseq.arrays import zeros
from refseq.losses.loss import Loss
from refseq.seq2seq.states import placed

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class FramesRun:
    """Frames (T, B, F) as they are read: 0 beyond the lengths."""

    x: np.ndarray


@dataclass(frozen=True)
class Frames:
    """Frames of ``features`` numbers. Raises TypeError or ValueError naming the argument."""

    features: int

    def __post_init__(self) -> None:
        arguments.integer("features", self.features, 1)

    @property
    def width(self) -> int:
        """Outputs of a decoder that writes frames."""
        return self.features

    @property
    def axis(self) -> str:
        """What the last axis of a decoder's outputs is called."""
        return "feature"

    @property
    def words(self) -> str:
        """What a sequence consists of."""
        return f"frames of {self.features}"

    def checked(self, name: str, frames: Any, lengths: Any, like: np.ndarray) -> np.ndarray:
        """Frames (T, B, F) of the dtype of ``like``, 0 beyond the lengths, where they are not looked at."""
        given = arguments.readable(name, frames, ("T", "B", self.features), like.dtype)
        counts = arguments.lengths(lengths, len(given), given.shape[1])
        steps = np.arange(len(given))[:, None]
        return placed(given, np.where(steps < counts, steps, -1))

    def before(self, frames: np.ndarray, start: None) -> np.ndarray:
        """What a decoder is given at every step: 0, and then the frames before."""
        found = zeros(frames.shape, frames)
        found[1:] = frames[:-1]
        return found

    def forward(self, params: Arrays, frames: np.ndarray, lengths: Any, target: str) -> FramesRun:
        """As they are."""
        return FramesRun(frames)

    def backward(self, run: FramesRun, dx: np.ndarray) -> Arrays:
        """There are no parameters."""
        return {}

    def loss(self, outputs: np.ndarray, targets: np.ndarray, **options: Any) -> Loss:
        """``refseq.losses.squared_error``, with its options."""
        return losses.squared_error(outputs, targets, **options)

    def refused(self, start: Any, stop: Any) -> str:
        """What is wrong with these tokens."""
        return "" if start is None is stop else f"start, stop: frames have none, got {start} and {stop}"
