"""Self-attention with several heads: every head is a row of its own, with its share of the entries.

q, k, v = W_q x, W_k x, W_v x        y = W_o [heads beside one another]

Tokens after a matrix (T, B, units) are what heads see as (T, B * heads, units / heads).
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from refseq.engine import threads
from refseq.launches import GIVEN, KEPT, PASSING, RESULT, WHOLE, Array, Launch, Part
from refseq.networks.attention.core import SIZES
from refseq.networks.attention.keys import Keys
from refseq.networks.attention.looks import Looks
from refseq.networks.attention.matrices import Arrays, Matrix, Precision, gathered, scattered
from refseq.networks.attention.scene import Scene
from refseq.networks.attention.scores import PRODUCT
from refseq.relay import Relay

NAMES = ("W_q", "W_k", "W_v", "W_o")
SEEN = ("queries", "keys", "values")
"""What heads are given, after the first three matrices."""


@dataclass(frozen=True)
class Heads:
    """Of tokens (T, B, I): a plan for these sizes."""

    precision: Precision
    steps: int
    rows: int
    inputs: int
    units: int
    heads: int
    streaming: bool
    _threads: int

    def __reduce__(self) -> tuple:
        sizes = self.steps, self.rows, self.inputs, self.units, self.heads
        return plan_of, (self.precision, *sizes, self.streaming)

    def given(self, W: dict[str, np.ndarray], scene: Scene) -> dict[str, Any]:
        """What both passes are given: matrices (A, 1, D), addresses, and whole numbers."""
        counts, order = scene.queries.numbers()
        fixed = {"counts": counts, "order": order, "tools": self.precision.tools}
        fixed |= scene.numbers(self.units // self.heads, self.heads)
        return fixed | {name: value.reshape(value.shape[0], 1, value.shape[1]) for name, value in W.items()}

    @cached_property
    def _matrices(self) -> dict[str, Matrix]:
        inner = {name: Matrix(name, self.units, self.inputs, self.precision) for name in NAMES[:3]}
        return inner | {"W_o": Matrix("W_o", self.inputs, self.units, self.precision)}

    @cached_property
    def _looks(self) -> Looks:
        size = self.units // self.heads
        keys = Keys(
            self.precision, self.rows * self.heads, self.steps, (size, size, size), PRODUCT, streaming=self.streaming
        )
        return Looks(keys, self.steps)

    @property
    def _common(self) -> Arrays:
        whole = {"counts": Array((self.rows,), WHOLE), "order": Array((self.rows, self.steps), WHOLE)}
        return whole | {"tools": Array((2,), WHOLE)}

    def _split(self, name: str, role: str = PASSING) -> Arrays:
        """Tokens (T, B, units), and as heads see them."""
        shape = (self.steps, self.rows * self.heads, self.units // self.heads)
        return {
            f"{name}_whole": Array((self.steps, self.rows, self.units), role),
            name: Array(shape, role, f"{name}_whole"),
        }

    def _joined(self, name: str) -> Arrays:
        """What heads made, and as (T, B, units)."""
        return {f"{name}_whole": Array((self.steps, self.rows, self.units), PASSING, name)}

    def _dense(self, size: int, role: str) -> Array:
        return Array((self.rows, self.steps, self.precision.kit.width(size)), role)

    def _gathered(self, x: str, dense: str, size: int) -> Launch:
        return gathered(self.precision, self.rows, x, "counts", "order", dense, self.steps * size)

    def _scattered(self, dense: str, x: str, size: int) -> Launch:
        return scattered(self.precision, self.rows, dense, "counts", "order", x, self.steps * size)

    @cached_property
    def forward(self) -> Relay:
        """From x to y and weights."""
        matrices, size = self._matrices, self.units
        arrays = self._common | {
            "x": Array((self.steps, self.rows, self.inputs)),
            "x_dense": self._dense(self.inputs, KEPT),
        }
        launches = [matrix.ready for matrix in matrices.values()] + [self._gathered("x", "x_dense", self.inputs)]
        for matrix, name in zip(matrices.values(), SEEN, strict=False):
            arrays |= self._split(name) | {f"{name}_dense": self._dense(size, PASSING)}
            launches.append(matrix.forward(self.rows, "x_dense", "counts", f"{name}_dense", self.steps))
            launches.append(self._scattered(f"{name}_dense", f"{name}_whole", size))
        for matrix in matrices.values():
            arrays |= matrix.arrays
        last = [
            self._gathered("y_whole", "y_dense", size),
            matrices["W_o"].forward(self.rows, "y_dense", "counts", "out_dense", self.steps),
            self._scattered("out_dense", "out", self.inputs),
        ]
        more = {"y_dense": self._dense(size, KEPT), "out_dense": self._dense(self.inputs, PASSING)}
        more |= self._joined("y") | {"out": Array((self.steps, self.rows, self.inputs), RESULT)}
        parts = Part(launches, arrays), self._looks.keys.ready(), self._looks.forward(PASSING), Part(last, more)
        return Relay(parts, self.precision.dtype, self.precision.target)

    @lru_cache(maxsize=2)  # noqa: B019 - plans are remembered, and few
    def backward(self, weighed: bool) -> Relay:
        """From dout to dx, by way of each of the first three matrices, and the gradients of all."""
        matrices, size, count = self._matrices, self.units, self.rows * self.steps
        arrays = self._common | {"x_dense": self._dense(self.inputs, GIVEN), "y_dense": self._dense(size, GIVEN)}
        arrays |= {"dout": Array((self.steps, self.rows, self.inputs)), "dout_dense": self._dense(self.inputs, PASSING)}
        arrays |= self._split("dy")
        for matrix in matrices.values():
            arrays |= {name: Array(array.shape, of=array.of) for name, array in matrix.arrays.items()} | matrix.sums
        back, made = matrices["W_o"].backward(self.rows, "dout_dense", "counts", "order", "dy_whole", self.steps)
        launches = [matrix.clear() for matrix in matrices.values()]
        launches += [self._gathered("dout", "dout_dense", self.inputs), back]
        last, more, gradients, cuts = [], {}, [], []
        for matrix, name in zip(matrices.values(), SEEN, strict=False):
            back, also = matrix.backward(self.rows, f"d{name}_dense", "counts", "order", f"dx_{name}", self.steps)
            last += [self._gathered(f"d{name}_whole", f"d{name}_dense", size), back]
            more |= also | self._joined(f"d{name}") | {f"d{name}_dense": self._dense(size, PASSING)}
            more[f"dx_{name}"] = Array((self.steps, self.rows, self.inputs), RESULT)
        for matrix, name in zip(matrices.values(), (*SEEN, "out"), strict=True):
            own, also = matrix.gradient("y_dense" if name == "out" else "x_dense", f"d{name}_dense", count)
            cut, result = matrix.cut()
            more |= also | result
            gradients += [launch for launch in own if launch not in gradients]  # x is packed once
            cuts.append(cut)
        looks = self._looks
        parts = looks.clear(), looks.add(weighed, PASSING), looks.finish(PASSING)
        parts = Part(launches, arrays | made), *parts, Part([*last, *gradients, *cuts], more)
        return Relay(parts, self.precision.dtype, self.precision.target)


@lru_cache(maxsize=SIZES)
def _plan(*sizes: Any) -> Heads:
    return Heads(*sizes)


def plan_of(precision: Precision, steps: int, rows: int, inputs: int, units: int, heads: int, streaming: bool) -> Heads:
    """For these sizes."""
    return _plan(precision, steps, rows, inputs, units, heads, streaming, threads.count())


@dataclass(frozen=True, eq=False)
class Recording:
    """What backward needs."""

    plan: Heads
    scene: Scene
    W: dict[str, np.ndarray]
    kept: dict[str, Any]

    @property
    def like(self) -> np.ndarray:
        """An array of the number field."""
        return self.W["W_q"]


def forward(
    plan: Heads, W: dict[str, np.ndarray], x: np.ndarray, scene: Scene
) -> tuple[np.ndarray, np.ndarray | None, Recording]:
    """Outputs, weights (T, B * heads, T) if there are any."""
    made = plan.forward.run(plan.given(W, scene) | {"x": x}, W["W_q"])
    return made.results["out"], made.results.get("weights"), Recording(plan, scene, W, made.kept)


def backward(
    recording: Recording, dy: np.ndarray, dweights: np.ndarray | None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Gradients of the matrices (A, 1, D), and of x."""
    plan, more = recording.plan, {"dout": dy} | ({} if dweights is None else {"dweights": dweights})
    given = plan.given(recording.W, recording.scene) | recording.kept | more
    made = plan.backward(dweights is not None).run(given, recording.like).results
    first, *others = (made[f"dx_{name}"] for name in SEEN)
    for other in others:
        first = first + other
    return {name: made[f"d{name}"] for name in NAMES}, first
