"""Self-attention with several heads on dense arrays: every head is a row of its own, with its share of the entries.

q, k, v = W_q x, W_k x, W_v x        y = W_o [heads beside one another]
"""

from dataclasses import dataclass

import numpy as np

from refseq.networks.attention.core import Attended, Launcher, Sides, sides
from refseq.networks.attention.scene import Scene
from refseq.networks.attention.scores import PRODUCT

NAMES = ("W_q", "W_k", "W_v", "W_o")


@dataclass(frozen=True, eq=False)
class Recording:
    """What backward needs: dense x, the padded matrices by name, the heads' sides and outputs, and these joined."""

    launcher: Launcher
    scene: Scene
    heads: int
    size: int
    streaming: bool
    x: np.ndarray
    W: dict[str, np.ndarray]
    given: Sides
    made: Attended
    joined: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Tokens of every row."""
        return self.scene.queries.counts


def forward(
    launcher: Launcher, W: dict[str, np.ndarray], x: np.ndarray, scene: Scene, heads: int, size: int, streaming: bool
) -> tuple[np.ndarray, Recording]:
    """Outputs, dense, of dense x; W padded; ``size`` entries of a head."""
    counts = scene.queries.counts
    q, k, v = (split(launcher, launcher.project(x, W[name], counts), heads, size) for name in NAMES[:3])
    given = sides(q, k, v, launcher.zeros(1, q.shape[2]), scene, size, heads)
    made = launcher.stream(PRODUCT, given) if streaming else launcher.attend(PRODUCT, given)
    joined = join(launcher, made.y, heads, size, len(W["W_v"]))
    recording = Recording(launcher, scene, heads, size, streaming, x, W, given, made, joined)
    return launcher.project(joined, W["W_o"], counts), recording


def backward(
    recording: Recording, dy: np.ndarray, dweights: np.ndarray | None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Gradients of the matrices, padded, and of x, dense."""
    launcher, W, x, counts = recording.launcher, recording.W, recording.x, recording.counts
    heads, size = recording.heads, recording.size
    djoined = launcher.project_backward(dy, W["W_o"], counts)
    dheads = split(launcher, djoined, heads, size)
    given, made = recording.given, recording.made
    sums = launcher.sums(given.k, given.v, given.u, recording.streaming)
    if recording.streaming:
        dq = launcher.stream_backward(PRODUCT, given, made, dheads, sums)
    else:
        dq = launcher.attend_backward(PRODUCT, given, made, dheads, dweights, sums)
    found = {"W_o": launcher.project_gradient(recording.joined, dy)}
    dx = None
    for name, part in zip(NAMES[:3], (dq, *sums.finished[:2]), strict=True):
        own = join(launcher, part, heads, size, len(W[name]))
        found[name] = launcher.project_gradient(x, own)
        more = launcher.project_backward(own, W[name], counts)
        dx = more if dx is None else dx + more
    assert dx is not None  # there are three
    return {name: found[name] for name in NAMES}, dx


def split(launcher: Launcher, x: np.ndarray, heads: int, size: int) -> np.ndarray:
    """(B, T, heads * size) as (B * heads, T, size), both padded."""
    rows, steps, _ = x.shape
    made = launcher.zeros(rows, heads, steps, launcher.kit.width(size))
    made[..., :size] = x[..., : heads * size].reshape(rows, steps, heads, size).transpose(0, 2, 1, 3)
    return made.reshape(rows * heads, steps, -1)


def join(launcher: Launcher, x: np.ndarray, heads: int, size: int, width: int) -> np.ndarray:
    """The inverse of ``split``, padded to ``width``."""
    total, steps, _ = x.shape
    rows = total // heads
    made = launcher.zeros(rows, steps, width)
    own = x.reshape(rows, heads, steps, -1)[..., :size].transpose(0, 2, 1, 3)
    made[..., : heads * size] = own.reshape(rows, steps, heads * size)
    return made
