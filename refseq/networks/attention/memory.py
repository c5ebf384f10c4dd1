"""Keys and values made ready for any number of looks: what a score takes of them alone is computed once.

    score        of a key, once        of a query, for every look
    dot          k                     q
    general      W_qk k                q
    additive     W_k k                 W_q q

Backward is the same in reverse: every look gives the gradient of its queries and adds to that of the projected keys,
of the values and of the parameters of the queries; the matrix of the keys is gone through once at the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from refseq.arrays import contiguous
from refseq.networks.attention.core import OF_SUM, Plan
from refseq.networks.attention.scene import Scene, Tokens, scene_of, whole

Arrays = dict[str, np.ndarray]
ONE, FIRST = np.ones(1, np.int64), np.zeros((1, 1), np.int64)
"""A token, and its place."""


@dataclass(frozen=True, eq=False)
class Look:
    """Queries that have looked: outputs (Tq, B, V), and weights (Tq, B, Tk) unless keys stream; and what is kept."""

    y: np.ndarray
    weights: np.ndarray | None
    scene: Scene
    kept: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Memory:
    """Keys and values, and parameters by name, all of which are refseq's own once they are ``ready``. ``like``: an
    array of their number field; ``scaled``: the entries of a key if scores are divided by their root, else 0."""

    plan: Plan
    tokens: Tokens
    W: Arrays
    shapes: Mapping[str, tuple[int, ...]]
    like: np.ndarray
    scaled: int
    causal: bool
    kept: dict[str, Any] = field(default_factory=dict)

    def __reduce__(self) -> tuple:
        return Memory, tuple(getattr(self, own.name) for own in fields(self))

    @property
    def features(self) -> tuple[int, int, int]:
        """Of a query, a key and a value."""
        return self.plan.keys.features

    @property
    def streaming(self) -> bool:
        """Whether there are no weights."""
        return self.plan.keys.streaming

    @cached_property
    def fixed(self) -> Arrays:
        """What every pass is given: parameters as (A, 1, D), and addresses."""
        given = {name: value.reshape(value.shape[0], 1, -1) for name, value in self.W.items() if value.ndim > 1}
        given["tools"] = self.plan.keys.precision.tools
        if OF_SUM in self.W:
            given |= {"score": self.W[OF_SUM].reshape(1, 1, -1), "one": ONE, "first": FIRST}
        return given

    def ready(self, keys: np.ndarray, values: np.ndarray) -> "Memory":
        """With dense keys and values, for any number of looks."""
        counts, places = self.tokens.numbers()
        given = {"keys": keys, "values": values, "k_counts": counts, "places": places}
        return replace(self, kept=self.plan.ready.run(self.fixed | given, self.like).kept)

    def look(self, queries: np.ndarray, counts: np.ndarray | None) -> Look:
        """From queries (Tq, B, D), within their lengths (B,), None for all."""
        return self._look(queries, counts, {}, self.plan.look(len(queries)).again)

    def first_look(self, queries: np.ndarray, counts: np.ndarray | None, keys: np.ndarray, values: np.ndarray) -> Look:
        """``ready`` and ``look`` together."""
        return self._look(queries, counts, {"keys": keys, "values": values}, self.plan.look(len(queries)).first)

    def _numbers(self, scene: Scene) -> dict[str, Any]:
        """Of a scene, or where they are."""
        give: Any = scene.addresses if self.plan.keys.precision.by_address else scene.numbers
        return give(self.scaled)

    def _look(self, queries: np.ndarray, counts: np.ndarray | None, new: Arrays, relay: Any) -> Look:
        rows = queries.shape[1]
        tokens = whole(len(queries), rows) if counts is None else Tokens(len(queries), counts)
        scene = scene_of(tokens, self.tokens, self.causal)
        given = self.fixed | self._numbers(scene) | self.kept | {"queries": contiguous(queries)} | new
        made = relay.run(given, self.like)
        return Look(made.results["y"], made.results.get("weights"), scene, made.kept)


class MemoryGradients:
    """The gradients of a memory, to which those of its looks are added."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._kept: dict[str, Any] | None = None

    @property
    def _sums(self) -> dict[str, Any]:
        """0 before the first look."""
        if self._kept is None:
            self._kept = self.memory.plan.clear.run(self.memory.fixed, self.memory.like).kept
        return self._kept

    def add(self, look: Look, dy: np.ndarray, dweights: np.ndarray | None) -> np.ndarray:
        """The gradient of the look's queries, from those of its outputs and weights."""
        return self._add(look, dy, dweights, self._sums, False)["dqueries"]

    def only(
        self, look: Look, dy: np.ndarray, dweights: np.ndarray | None
    ) -> tuple[np.ndarray, Arrays, np.ndarray, np.ndarray]:
        """``add`` and ``finished``, for a memory that was looked at once."""
        made = self._add(look, dy, dweights, {}, True)
        return made["dqueries"], *self._gradients(made)

    def _add(
        self, look: Look, dy: np.ndarray, dweights: np.ndarray | None, sums: dict[str, Any], alone: bool
    ) -> Arrays:
        memory = self.memory
        given = memory.fixed | memory._numbers(look.scene) | memory.kept | look.kept | sums
        given["dy"] = contiguous(dy)
        if dweights is not None:
            given["dweights"] = contiguous(dweights)
        relay = memory.plan.look(len(dy)).backward(dweights is not None, alone)
        return relay.run(given, memory.like).results

    def finished(self) -> tuple[Arrays, np.ndarray, np.ndarray]:
        """Gradients of the parameters, of keys and of values, after all looks."""
        memory = self.memory
        counts, places = memory.tokens.numbers()
        given = memory.fixed | {"k_counts": counts, "places": places} | memory.kept | self._sums
        return self._gradients(memory.plan.finish.run(given, memory.like).results)

    def _gradients(self, made: Arrays) -> tuple[Arrays, np.ndarray, np.ndarray]:
        found = {n: made["dscore" if n == OF_SUM else f"d{n}"].reshape(s) for n, s in self.memory.shapes.items()}
        return found, made["dkeys"], made["dvalues"]
