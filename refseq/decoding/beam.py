"""Beam search (L2.10), over any model that can tell what comes next."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import arguments
from refseq.decoding import select_rows
from refseq.decoding.model import Step, gathered, scores, started
from refseq.rowwise import run_rows
from refseq.targets.visiting import guests

CHUNKS = 32
"""Parts in which a block of threads on a device takes the candidates of a row."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """The n best sequences of every row, the best one first: ``tokens`` (B, n, T), -1 beyond ``lengths`` (B, n), which
    count the stop symbol and not what was given; ``log_probability`` and ``scores`` (B, n); ``finished`` (B, n): do
    they end in the stop symbol, or were they cut at the cap? Where there are fewer than n sequences, the others have
    length 0 and score -inf. Arrays of numpy, wherever the model's are."""

    tokens: np.ndarray
    lengths: np.ndarray
    log_probability: np.ndarray
    scores: np.ndarray
    finished: np.ndarray

    def sequence(self, row: int = 0, place: int = 0) -> list[int]:
        """One of them, as a list."""
        return self.tokens[row, place, : self.lengths[row, place]].tolist()


def beam_search(
    step: Step,
    state: Any,
    first: np.ndarray,
    *,
    width: int,
    cap: int,
    stop: int | None = None,
    alpha: float = 0.75,
    best: int = 1,
    target: str = "cpu",
) -> Decoded:
    """Keep, after every step, the ``width`` best sequences of each row; of a sequence y of L symbols

        score = (1/L^alpha) log P(y),    L with the stop symbol, without what was given

    step     step(state, tokens (N,)) -> (log p (N, V) of what follows, state), see ``refseq.decoding``
    state    of B rows: an array, or a dict, tuple or list of states; None
    target   who selects; for "cuda" the state and the log-probabilities may be on the device (docs/cuda.md)
    first    (B,) integers, the tokens that are given to the first step
    cap      sequences end after so many symbols
    stop     the symbol that ends a sequence; None for none
    best     how many sequences are returned, at most ``width``

    A sequence that ends stays as it is, and competes by its score with those that go on; the search is over when none
    goes on. Width 1 is ``greedy``; a width of all sequences there are is ``exhaustive``. In between a wider beam may
    find a worse sequence. Equal scores: the sequence that had the higher rank before wins, then the lower symbol.
    Symbols of log-probability -inf (or NaN) are never chosen. Rows do not see one another. Raises TypeError or
    ValueError naming the argument; RuntimeError where the target cannot run.
    """
    arguments.integer("width", width, 1)
    arguments.integer("cap", cap, 0)
    if arguments.integer("best", best, 1) > width:
        raise ValueError(f"best: expected at most the width {width}, got {best}")
    tokens = started(state, first, target)
    rows = len(tokens)
    end = np.array([-1 if stop is None else arguments.integer("stop", stop, 0)])
    weight = weights(alpha, cap)
    state = gathered(state, np.repeat(np.arange(rows), width), target=target)
    tokens = np.repeat(tokens, width)
    status = np.full((rows, width), select_rows.EMPTY)
    status[:, 0] = select_rows.ACTIVE
    length, chosen, parents = np.zeros((rows, width), np.int64), [], []
    P: np.ndarray = np.zeros((rows, width))
    base = np.arange(rows)[:, None] * width
    for _ in range(cap):
        if not (status == select_rows.ACTIVE).any():
            break
        logp, state = step(state, tokens)
        P, length, status, parent, symbol = _select(logp, P, length, status, weight, end, target=target)
        chosen.append(symbol)
        parents.append(parent)
        state = gathered(state, (base + parent).reshape(-1), target=target)
        tokens = np.maximum(symbol, 0).reshape(-1)
    reached = np.where(status == select_rows.EMPTY, -np.inf, P * weight[length])
    found = _traced(chosen, parents, rows, width)
    length = np.where(status == select_rows.EMPTY, 0, length)
    P = np.where(status == select_rows.EMPTY, -np.inf, P)
    results = (found, length, P, reached.astype(P.dtype), status == select_rows.FINISHED)
    return Decoded(*(array[:, :best].copy() for array in results))


def weights(alpha: float, cap: int) -> np.ndarray:
    """1/L^alpha for L = 0 ... cap; 1 for L = 0."""
    power = arguments.number("alpha", alpha)
    return np.maximum(np.arange(cap + 1), 1.0) ** -power


@guests("log_probabilities")
def _select(
    log_probabilities: Any, P: np.ndarray, length: Any, status: Any, weight: np.ndarray, stop: Any, *, target: str
) -> tuple:
    """What follows the B W sequences by the log-probabilities (B W, V): the best of P, length, status (B, W), each with
    its parent and symbol."""
    (rows, width), logp = P.shape, scores(log_probabilities, P.size)
    symbols, dtype, chunks = logp.shape[1], logp.dtype, CHUNKS if target == "cuda" else 1
    P, weight = P.astype(dtype, copy=False), weight.astype(dtype)
    new = [np.zeros((rows, width), dtype), *(np.zeros((rows, width), np.int64) for _ in range(4))]
    bounds = np.arange(chunks + 1) * width * symbols // chunks
    room = [np.empty((rows, chunks, width), dtype), np.empty((rows, chunks, width), np.int64)]
    room += [np.empty((rows, chunks), np.int64), np.empty((rows, width), dtype)]
    run_rows(
        select_rows.build,
        (),
        rows,
        [P, length, status, logp.reshape(rows, width, symbols), weight, stop, bounds],
        new,
        room,
        target=target,
        units=chunks,
        work=width * symbols,
    )
    return tuple(new)


def _traced(chosen: list, parents: list, rows: int, width: int) -> np.ndarray:
    """The symbols (B, W, T) of every slot, from the last step to the first along the parents; -1 where there is none:
    a finished slot's own ones are the first."""
    found, slot, b = np.full((rows, width, len(chosen)), -1), np.tile(np.arange(width), (rows, 1)), np.arange(rows)
    for t in range(len(chosen) - 1, -1, -1):
        found[:, :, t] = chosen[t][b[:, None], slot]
        slot = parents[t][b[:, None], slot]
    return found
