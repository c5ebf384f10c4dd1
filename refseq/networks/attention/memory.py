"""Keys and values made ready for any number of looks: what a score takes of them alone is computed once.

    score        of a key, once        of a query, for every look
    dot          k                     q
    general      W_qk k                q
    additive     W_k k                 W_q q

Backward is the same in reverse: every look gives the gradient of its queries and adds to that of the projected keys,
of the values and of the parameters of the queries; the matrix of the keys is gone through once at the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from refseq.networks.attention.core import Attended, Launcher, Sides, sides
from refseq.networks.attention.scene import Scene, Tokens, scene_of
from refseq.networks.attention.scores import ADDITIVE, PRODUCT

Arrays = dict[str, np.ndarray]
OF_KEYS, OF_QUERIES, OF_SUM = ("W_k", "W_qk"), "W_q", "v"
"""Names of parameters: the matrix of the keys, that of the queries, and what weighs their sum."""


@dataclass(frozen=True, eq=False)
class Look:
    """Queries that have looked: outputs (Tq, B, V), and weights (Tq, B, Tk) unless keys stream; dense queries, as they
    came, what the score was taken of, and what was made."""

    y: np.ndarray
    weights: np.ndarray | None
    scene: Scene
    q: np.ndarray
    given: Sides
    made: Attended


@dataclass(frozen=True, eq=False)
class Memory:
    """Dense keys, as they came, and values; padded parameters by name, and their shapes. ``features``: entries of a
    query, a key and a value; ``scaled``: those of a key if scores are divided by their root, else 0."""

    launcher: Launcher
    tokens: Tokens
    keys: np.ndarray
    values: np.ndarray
    W: Arrays
    shapes: Mapping[str, tuple[int, ...]]
    features: tuple[int, int, int]
    scaled: int
    causal: bool
    streaming: bool

    @property
    def kind(self) -> str:
        """The score after the matrices."""
        return ADDITIVE if OF_SUM in self.W else PRODUCT

    @cached_property
    def of_keys(self) -> str | None:
        """The name of the matrix of the keys, if there is one."""
        return next((name for name in OF_KEYS if name in self.W), None)

    @cached_property
    def projected(self) -> np.ndarray:
        """Keys after their matrix."""
        if self.of_keys is None:
            return self.keys
        return self.launcher.project(self.keys, self.W[self.of_keys], self.tokens.counts)

    @cached_property
    def u(self) -> np.ndarray:
        """The vector v of the additive score (1, A)."""
        return self.W[OF_SUM][:1] if OF_SUM in self.W else self.launcher.zeros(1, self.projected.shape[2])

    def look(self, queries: np.ndarray, counts: np.ndarray) -> Look:
        """From queries (Tq, B, D), within their lengths (B,)."""
        launcher = self.launcher
        scene = scene_of(Tokens(len(queries), counts), self.tokens, self.causal)
        q = scene.queries.dense(queries, launcher.kit.width)
        own = launcher.project(q, self.W[OF_QUERIES], counts) if OF_QUERIES in self.W else q
        given = sides(own, self.projected, self.values, self.u, scene, self.scaled)
        made = (launcher.stream if self.streaming else launcher.attend)(self.kind, given)
        weights = None if self.streaming else scene.weights_of(made.weights)
        return Look(scene.queries.scattered(made.y, self.features[2]), weights, scene, q, given, made)


class MemoryGradients:
    """The gradients of a memory, to which those of its looks are added."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._sums = memory.launcher.sums(memory.projected, memory.values, memory.u, memory.streaming)
        self._queries: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, look: Look, dy: np.ndarray, dweights: np.ndarray | None) -> np.ndarray:
        """The gradient of the look's queries, from those of its outputs and weights."""
        memory, launcher, tokens = self.memory, self.memory.launcher, look.scene.queries
        dy = tokens.dense(dy, launcher.kit.width)
        if memory.streaming:
            dq = launcher.stream_backward(memory.kind, look.given, look.made, dy, self._sums)
        else:
            if dweights is not None:
                dweights = look.scene.dense_weights(dweights, launcher.kit.width)
            dq = launcher.attend_backward(memory.kind, look.given, look.made, dy, dweights, self._sums)
        if OF_QUERIES in memory.W:
            self._queries.append((look.q, dq))
            dq = launcher.project_backward(dq, memory.W[OF_QUERIES], tokens.counts)
        return tokens.scattered(dq, memory.features[0])

    def finished(self) -> tuple[Arrays, np.ndarray, np.ndarray]:
        """Gradients of the parameters, of keys and of values, after all looks."""
        memory, launcher, params = self.memory, self.memory.launcher, {}
        dk, dv, du = self._sums.finished
        if OF_SUM in memory.W:
            params[OF_SUM] = du[0]
        if OF_QUERIES in memory.W:
            params[OF_QUERIES] = self._of_queries()
        if memory.of_keys is not None:
            params[memory.of_keys] = launcher.project_gradient(memory.keys, dk)
            dk = launcher.project_backward(dk, memory.W[memory.of_keys], memory.tokens.counts)
        cut = {name: params[name][tuple(map(slice, shape))].copy() for name, shape in memory.shapes.items()}
        scattered = memory.tokens.scattered
        return cut, scattered(dk, memory.features[1]), scattered(dv, memory.features[2])

    def _of_queries(self) -> np.ndarray:
        """Of the matrix of the queries: one sum over those of all looks."""
        if not self._queries:
            return self.memory.launcher.zeros(*self.memory.W[OF_QUERIES].shape)
        q, dq = (self._joined(part) for part in zip(*self._queries, strict=True))
        return self.memory.launcher.project_gradient(q, dq)

    def _joined(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """One after another in time."""
        rows, _, width = parts[0].shape
        made, begin = self.memory.launcher.zeros(rows, sum(part.shape[1] for part in parts), width), 0
        for part in parts:
            made[:, begin : begin + part.shape[1]] = part
            begin += part.shape[1]
        return made
