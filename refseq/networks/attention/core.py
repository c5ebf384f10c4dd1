"""The launches of attention on a target (``refseq.rowwise``), on dense arrays (``refseq.networks.attention.scene``)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from refseq.engine.results import result
from refseq.kernels import on_vectors
from refseq.networks.attention import affine, rows, streaming
from refseq.networks.attention.kit import Kit, plain_kit
from refseq.networks.attention.scene import Scene, zeros
from refseq.networks.attention.vector_kit import vector_kit
from refseq.rowwise import run_rows

BLOCK = 32
"""Keys that the streaming form takes at a time."""


@dataclass(frozen=True, eq=False)
class Attended:
    """What a pass made: outputs (R, Tq, V), and weights (R, Tq, Tk), or for the streaming form the largest score and
    the sum of the exponentials of every query (R, Tq, 2)."""

    y: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Sides:
    """Dense queries, keys and values, the parameter u of the additive score (1, A); who sees whom, for every row and
    head: sizes (R, 3), seen (R, Tq)."""

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    u: np.ndarray
    sizes: np.ndarray
    seen: np.ndarray

    @property
    def arrays(self) -> list[np.ndarray]:
        """In the order of the rows' arguments."""
        return [self.q, self.k, self.v, self.u, self.sizes, self.seen]


def sides(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, u: np.ndarray, scene: Scene, scaled: int, heads: int = 1
) -> Sides:
    """Of dense arrays; ``scaled``: the numbers of a key if scores are divided by its root, else 0."""
    return Sides(q, k, v, u, scene.sizes(scaled, heads), np.repeat(scene.seen, heads, axis=0))


@dataclass(frozen=True, eq=False)
class Sums:
    """Gradients of keys and values (R, Tk or more, width), and of u for every row."""

    k: np.ndarray
    v: np.ndarray
    u: np.ndarray
    steps: int

    @property
    def arrays(self) -> list[np.ndarray]:
        """What the rows add to."""
        return [self.k, self.v, self.u]

    @property
    def finished(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of k, v and u: u's are added up."""
        return self.k[:, : self.steps], self.v[:, : self.steps], added(self.u)


def _block(keys: int) -> int:
    """How many keys the streaming form takes at a time."""
    return max(1, min(BLOCK, keys))


class Launcher:
    """Runs on a target, in a precision."""

    def __init__(self, target: str, like: np.ndarray) -> None:
        dtype = str(like.dtype)
        self.target, self.like = target, like
        self.kit_of, self.dtype = (vector_kit, dtype) if on_vectors(dtype, target) else (plain_kit, "")
        self.kit: Kit = self.kit_of(self.dtype)
        self.tools = self.kit.tools()

    def zeros(self, *shape: int) -> np.ndarray:
        """In the field of the arguments."""
        return zeros(shape, self.like)

    def padded(self, matrix: np.ndarray) -> np.ndarray:
        """A matrix with rows and columns of zeros at the end."""
        width = self.kit.width
        made = self.zeros(*(width(size) for size in matrix.shape))
        made[: matrix.shape[0], : matrix.shape[1]] = matrix
        return made

    def attend(self, score: str, given: Sides) -> Attended:
        """Weights and outputs."""
        (r, tq, d), tk, size = given.q.shape, given.k.shape[1], given.v.shape[2]
        weights, y = self.zeros(r, tq, tk), self.zeros(r, tq, size)
        room = self._room(r, (d, tk, tk), (tk, size, size))
        self._run(rows.build_forward, score, r, given, [], [weights, y], [room], tk)
        return Attended(y, weights)

    def attend_backward(
        self, score: str, given: Sides, made: Attended, dy: np.ndarray, dweights: np.ndarray | None, sums: "Sums"
    ) -> np.ndarray:
        """The gradient of q; those of k, v and u are added to ``sums``."""
        (r, tq, d), tk, size = given.q.shape, given.k.shape[1], given.v.shape[2]
        dq, ds = self.zeros(r, tq, d), self.zeros(r, tq, tk) if dweights is None else dweights
        room = self._room(r, (size, tk, tk), (tk, d, d), (tq, tk, max(d, size)))
        self._run(rows.build_backward, score, r, given, [made.weights, dy], [dq, *sums.arrays], [ds, room], tk)
        return dq

    def stream(self, score: str, given: Sides) -> Attended:
        """Outputs without a matrix of weights."""
        (r, tq, d), size = given.q.shape, given.v.shape[2]
        given, block = self._blocked(given)
        totals, y = self.zeros(r, tq, 2), self.zeros(r, tq, size)
        room = self._room(r, (d, block, block), (block, size, size))
        self._run(streaming.build_forward, score, r, given, [], [totals, y], [self.zeros(r, tq, block), room], block)
        return Attended(y, totals)

    def stream_backward(self, score: str, given: Sides, made: Attended, dy: np.ndarray, sums: "Sums") -> np.ndarray:
        """The gradient of q; those of k, v and u are added to ``sums``."""
        (r, tq, d), size = given.q.shape, given.v.shape[2]
        given, block = self._blocked(given)
        dq, scratch = self.zeros(r, tq, d), [self.zeros(r, tq, block), self.zeros(r, tq, block)]
        room = self._room(r, (max(d, size), block, block), (block, d, d), (tq, block, max(d, size)))
        more, out = [made.weights, made.y, dy], [dq, *sums.arrays]
        self._run(streaming.build_backward, score, r, given, more, out, [*scratch, room], block)
        return dq

    def sums(self, k: np.ndarray, v: np.ndarray, u: np.ndarray, streams: bool) -> "Sums":
        """Zeros for the gradients of k, v and u, to which those of any number of looks are added."""
        r, tk, d = k.shape
        whole = -(-tk // _block(tk)) * _block(tk) if streams else tk
        return Sums(self.zeros(r, whole, d), self.zeros(r, whole, v.shape[2]), self.zeros(r, *u.shape), tk)

    def project(self, x: np.ndarray, W: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """W x for the tokens that count of dense x (R, T, width); W (A, D) padded."""
        r, t, d = x.shape
        y = self.zeros(r, t, len(W))
        self.rows(affine.build_forward, (), r, [x, W, counts, self.tools], [y], [self._room(r, (d, len(W), 0))], t * d)
        return y

    def project_backward(self, dy: np.ndarray, W: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """The gradient of x."""
        (r, t, a), d = dy.shape, W.shape[1]
        dx, room = self.zeros(r, t, d), self._room(r, (a, d, d))
        self.rows(affine.build_backward, (), r, [dy, W, counts, self.tools], [dx], [room], t * a)
        return dx

    def project_gradient(self, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """The gradient of W, padded; x and dy are 0 for tokens that do not count."""
        count, a, d = x.shape[0] * x.shape[1], dy.shape[2], x.shape[2]
        dW, blocks = self.zeros(a, d), -(-a // affine.BLOCK)
        given = [x.reshape(count, d), dy.reshape(count, a), self.tools]
        room = self._room(blocks, (count, affine.BLOCK, d))
        self.rows(affine.build_gradient, (affine.BLOCK,), blocks, given, [dW], [room], count * d)
        return dW

    def _blocked(self, given: Sides) -> tuple[Sides, int]:
        """Keys and values with as many rows as whole blocks have, and how many those are."""
        r, tk, _ = given.k.shape
        block = _block(tk)
        whole = -(-tk // block) * block
        if whole == tk:
            return given, block

        def longer(x: np.ndarray) -> np.ndarray:
            made = self.zeros(r, whole, x.shape[2])
            made[:, :tk] = x
            return made

        return Sides(given.q, longer(given.k), longer(given.v), given.u, given.sizes, given.seen), block

    def _room(self, count: int, *sizes: tuple[int, int, int]) -> np.ndarray:
        """Scratch for the kit, which writes what it reads of it."""
        shape = (count, self.kit.room(*sizes))
        return result(shape, self.like.dtype) if self.like.dtype.kind == "f" else self.zeros(*shape)

    def _run(
        self,
        build: Callable,
        score: str,
        count: int,
        given: Sides,
        more: list[np.ndarray],
        outputs: list[np.ndarray],
        scratch: list[np.ndarray],
        units: int,
    ) -> None:
        inputs = [*given.arrays, self.tools, *more]
        work = given.q.shape[1] * given.k.shape[1] * (given.q.shape[2] + given.v.shape[2])
        self.rows(build, (score,), count, inputs, outputs, scratch, work, units)

    def rows(
        self,
        build: Callable,
        options: tuple,
        count: int,
        inputs: list[Any],
        outputs: list[np.ndarray],
        scratch: list[np.ndarray],
        work: int,
        units: int = 32,
    ) -> None:
        """All rows of a launch; see ``refseq.rowwise.run_rows``."""
        options = (*options, self.kit_of, self.dtype)
        run_rows(build, options, count, inputs, outputs, scratch, target=self.target, units=units, work=work)


def added(parts: np.ndarray) -> np.ndarray:
    """The sum over the rows of the batch, the last one first."""
    last_first = [parts[row] for row in reversed(range(len(parts)))]
    return reduce(lambda total, part: total + part, last_first) if last_first else parts.sum(axis=0)
