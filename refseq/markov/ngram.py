"""Markov chains of order tau over symbols, or n-gram models, n = tau + 1: counts, smoothing, log-likelihood."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import arguments
from refseq.markov.parameters import perplexity
from refseq.markov.smoothing import SMOOTHING, probabilities

Arrays = dict[str, np.ndarray]
LARGEST = 1 << 26
"""Entries of the largest table."""


@dataclass(frozen=True)
class NGram:
    """An immutable model; make one with ``refseq.markov.ngram``. A context of k symbols is a number with k digits of
    base V, the oldest symbol first."""

    symbols: int
    order: int
    smoothing: str = "additive"
    amount: float = 1.0

    def __post_init__(self) -> None:
        arguments.integer("symbols", self.symbols, 1)
        arguments.integer("order", self.order, 0)
        arguments.choice("smoothing", self.smoothing, SMOOTHING)
        amount = arguments.number("amount", self.amount)
        most = np.inf if self.smoothing == "additive" else 1
        if not 0 <= amount <= most:
            wanted = "at least 0" if most == np.inf else "in [0, 1]"
            raise ValueError(f"amount: expected a number {wanted}, got {self.amount}")
        if self.symbols ** (self.order + 1) > LARGEST:
            raise ValueError(
                f"symbols, order: expected V^(tau + 1) of at most {LARGEST}, got {self.symbols}^{self.order + 1}"
            )

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every table by name: ``p[k]`` (V^k, V), log p(symbol | the k symbols before it)."""
        return {f"p[{k}]": (self.symbols**k, self.symbols) for k in range(self.order + 1)}

    def counts(self, x: np.ndarray, lengths: Any = None) -> list[np.ndarray]:
        """How often every symbol followed every context of k symbols (V^k, V), k = 0 ... tau, in sequences x (T, B) of
        symbols; what is beyond a row's length is not read. Raises TypeError or ValueError naming the argument."""
        x, inside = self._checked(x, lengths)
        found = []
        for k, shape in enumerate(self.shapes.values()):
            index = self._contexts(x, k) * self.symbols + x[k:] if len(x) > k else np.zeros((0, x.shape[1]), np.int64)
            entries = np.bincount(index[inside[k:]], minlength=shape[0] * shape[1])
            found.append(entries.reshape(shape))
        return found

    def fit(self, x: np.ndarray, lengths: Any = None) -> Arrays:
        """The logarithms of the smoothed probabilities (``refseq.markov.smoothing``), by the names of ``shapes``; -inf
        for a probability of 0. Arguments and errors as of ``counts``."""
        counts = [count.astype(np.float64) for count in self.counts(x, lengths)]
        found = probabilities(counts, self.smoothing, float(self.amount))
        with np.errstate(divide="ignore"):
            return {name: np.log(table) for name, table in zip(self.shapes, found, strict=True)}

    def log_likelihood(self, params: Mapping[str, np.ndarray], x: np.ndarray, lengths: Any = None) -> np.ndarray:
        """log p (B,) of every sequence x (T, B). The first tau symbols are predicted from the shorter contexts that
        there are. Arguments and errors as of ``counts``; params by ``fit``."""
        params = arguments.parameters(params, self.shapes, ("float32", "float64"), "cpu")
        x, inside = self._checked(x, lengths)
        x = np.where(inside, x, 0)
        tables = list(params.values())
        total = np.zeros(x.shape[1], tables[0].dtype)
        for t in range(len(x)):
            k = min(t, self.order)
            context = self._contexts(x[t - k : t + 1], k)[0]
            total += np.where(inside[t], tables[k][context, x[t]], 0)
        return total

    def perplexity(self, params: Mapping[str, np.ndarray], x: np.ndarray, lengths: Any = None) -> float:
        """exp(-log p per symbol) over all sequences (L2.3); 1 without any symbol."""
        _, inside = self._checked(x, lengths)
        return perplexity(float(self.log_likelihood(params, x, lengths).sum()), int(inside.sum()))

    def stepper(self, params: Mapping[str, np.ndarray]) -> Callable[[Any, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """The model as decoders take it (``refseq.decoding``): step(state, tokens) -> (log p (N, V) of what follows,
        state). The state (N, tau) holds the symbols before the token, the last one last, and -1 where there is none;
        ``start`` makes the first one. Raises TypeError or ValueError naming the argument."""
        tables = list(arguments.parameters(params, self.shapes, ("float32", "float64"), "cpu").values())

        def step(state: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            state = np.concatenate([state, tokens[:, None]], axis=1)[:, state.shape[1] + 1 - self.order :]
            known = (state >= 0).sum(axis=1)
            context = np.zeros(len(state), np.int64)
            for column in state.T:
                context = np.where(column >= 0, context * self.symbols + column, 0)
            found = np.empty((len(state), self.symbols), tables[0].dtype)
            for k in np.unique(known):
                found[known == k] = tables[k][context[known == k]]
            return found, state

        return step

    def start(self, rows: int) -> np.ndarray:
        """The state of ``rows`` sequences of which nothing is known."""
        return np.full((arguments.integer("rows", rows, 0), self.order), -1)

    def _contexts(self, x: np.ndarray, k: int) -> np.ndarray:
        """The k symbols before x[t] as a number, for t >= k."""
        context = np.zeros((len(x) - k, x.shape[1]), np.int64)
        for back in range(k, 0, -1):
            context = context * self.symbols + x[k - back : len(x) - back]
        return context

    def _checked(self, x: Any, lengths: Any) -> tuple[np.ndarray, np.ndarray]:
        """Symbols, 0 where there is none, and True where there is one."""
        found = arguments.integers("x", x)
        if found.ndim != 2:
            raise ValueError(f"x: expected shape (T, B), got {found.shape}")
        inside = np.arange(len(found))[:, None] < arguments.lengths(lengths, *found.shape)
        bad = inside & ((found < 0) | (found >= self.symbols))
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(f"x: expected 0 <= symbol < V = {self.symbols}, got {found[where]} at {where}")
        return np.where(inside, found, 0).astype(np.int64), inside


def ngram(symbols: int, order: int, smoothing: str = "additive", amount: float | None = None) -> NGram:
    """A Markov chain of order tau (L2.1), or n-gram model with n = tau + 1:

        p(x_0 ... x_(T-1)) = prod over t of p(x_t | x_(t-tau) ... x_(t-1))

    over V symbols, with probabilities from counts, smoothed as ``refseq.markov.smoothing`` says; ``amount`` is its a:
    1 for additive, 3/4 for absolute and kneser_ney unless given. A symbol that begins or ends a sequence is one of the
    V, and put into x by whoever wants it. Raises TypeError or ValueError naming the argument.
    """
    if amount is None:
        amount = 1.0 if smoothing == "additive" else 0.75
    return NGram(symbols, order, smoothing, amount)
