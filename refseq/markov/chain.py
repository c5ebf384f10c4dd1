"""A batch of chains of states: the sum over all paths, its gradient, the best path."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq.arrays import Elsewhere, name_of, whole, zeros
from refseq.engine.results import cleared, result_like
from refseq.markov import chain_rows, posterior_rows, viterbi_rows
from refseq.markov.views import views_for
from refseq.rowwise import run_rows


@dataclass(frozen=True, eq=False)
class Recording:
    """A forward pass: ``value`` (B,), the log of the sum over all paths, and what backward needs."""

    value: np.ndarray
    A: np.ndarray
    lengths: np.ndarray
    E: np.ndarray
    R: np.ndarray
    kept: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    direct: bool
    target: str


@dataclass(frozen=True, eq=False)
class Counts:
    """Gradients in the scores, which for a cotangent of 1 are posterior counts: ``start`` (S,), ``states`` (T, B, S),
    ``pairs`` (S, S), None if they were not asked for."""

    start: np.ndarray
    states: np.ndarray
    pairs: np.ndarray | None


def forward(
    a: np.ndarray, A: np.ndarray, e: np.ndarray, lengths: np.ndarray, target: str, direct: bool = False
) -> Recording:
    """Scores of the first state (S,), of pairs of states (S, S), of the states (T, B, S). A row of length 0 has the
    value 0."""
    steps, rows, n = e.shape
    dtype = name_of(e.dtype)
    E, R, c, value = zeros((n, n), A), zeros((n, n), A), zeros((1, n), A), zeros((rows,), A)
    run_rows(chain_rows.build_weights, (), n, [A], [E, R, c], target=target, units=n)
    p, s, q = (room(e.shape, A) for _ in range(3))
    low = whole(np.zeros((steps, rows), np.int64), A)
    run_rows(
        chain_rows.build_forward,
        (views_for(dtype, target), dtype),
        rows,
        [a.reshape(1, n), A, e, lengths, np.array([int(direct), 0]), E, c],
        [value, p, s, q, low],
        [zeros((1, rows, n), A)],
        target=target,
        units=n,
        work=steps * n * (n + 20),
    )
    return Recording(value, A, lengths, E, R, (p, s, q, low), direct, target)


def backward(run: Recording, dvalue: np.ndarray, counted: bool = True) -> Counts:
    """The gradients of sum(dvalue * value), those of the pairs if ``counted``."""
    p, s, q, low = run.kept
    steps, rows, n = q.shape
    dtype, like = name_of(q.dtype), run.A
    pairs, how = (rows if counted else 1, n, n), np.array([int(run.direct), int(counted)])
    de, dA = blank(q.shape, like), zeros(pairs, like)
    run_rows(
        posterior_rows.build_backward,
        (views_for(dtype, run.target), dtype),
        rows,
        [run.A, run.lengths, how, run.E, run.R, run.value, p, s, q, low, dvalue],
        [de, dA],
        [zeros((1, rows, n), like), zeros(pairs, like)],
        target=run.target,
        units=n,
        work=steps * n * (n * (2 if counted else 1) + 20),
    )
    start = added(de[0], like) if steps else zeros((n,), like)
    return Counts(start, de, added(dA, like) if counted else None)


def best_paths(
    a: np.ndarray, A: np.ndarray, e: np.ndarray, lengths: np.ndarray, target: str
) -> tuple[np.ndarray, np.ndarray]:
    """The largest score of a path (B,), and that path (T, B), -1 beyond a row's length."""
    steps, rows, n = e.shape
    value, path, origin = zeros((rows,), A), np.full((steps, rows), -1), np.zeros(e.shape, np.int64)
    run_rows(
        viterbi_rows.build,
        (),
        rows,
        [a.reshape(1, n), A, e, lengths],
        [value, path],
        [origin, zeros((2, rows, n), A)],
        target=target,
        units=n,
        work=steps * n * n,
    )
    return value, path


def room(shape: tuple[int, ...], like: Any) -> np.ndarray:
    """An array in the field of ``like`` of which nothing is read that was not written."""
    return zeros(shape, like) if like.dtype == object else result_like(shape, like)


def blank(shape: tuple[int, ...], like: Any) -> np.ndarray:
    """``refseq.arrays.zeros``, in memory that is used again."""
    elsewhere = like.dtype == object or isinstance(like, Elsewhere)
    return zeros(shape, like) if elsewhere else cleared(shape, like.dtype)


def added(parts: np.ndarray, like: Any) -> np.ndarray:
    """The sum over the first axis, one after another."""
    if parts.dtype != object:
        return parts.sum(axis=0)
    total = zeros(parts.shape[1:], like)
    for part in parts:
        total = total + part
    return total
