"""An embedding: row tokens[t, b] of a matrix for every token; its adjoint adds up the rows of repeated tokens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import DTypeLike

from refseq import arguments, losses
from refseq.arrays import zeros
from refseq.linear import add, copy
from refseq.losses.loss import Loss
from refseq.rowwise import run_rows
from refseq.targets import available
from refseq.targets.visiting import guests
from refseq.team import Team

Arrays = dict[str, np.ndarray]


def build_gather(team: Team) -> Callable:
    """row(n, tokens, E, x): x[n] = E[tokens[n]], or as it is where that is negative."""
    index, size = team.index, team.size

    @register_jitable
    def row(n, tokens, E, x):
        if tokens[n] >= 0:
            copy(x[n], E[tokens[n]], E.shape[1], index(), size())

    return row


def build_scatter(team: Team) -> Callable:
    """row(k, starts, places, dx, dE): dE[k] += the sum of dx[n] over n = places[s], starts[k] <= s < starts[k + 1]."""
    index, size = team.index, team.size

    @register_jitable
    def row(k, starts, places, dx, dE):
        for s in range(starts[k], starts[k + 1]):
            add(dE[k], dx[places[s]], dE.shape[1], index(), size())

    return row


@dataclass(frozen=True, eq=False)
class EmbeddingRun:
    """A forward pass: x (T, B, F), and what backward needs: flat tokens, -1 where none is read."""

    x: np.ndarray
    embedding: "Embedding" = field(repr=False)
    _tokens: np.ndarray = field(repr=False)
    _target: str = field(repr=False)


@dataclass(frozen=True)
class Embedding:
    """An immutable embedding: ``tokens`` rows of ``features`` numbers. The token ``pad`` stands for zeros; its row is
    neither read nor has a gradient. Raises TypeError or ValueError naming the argument."""

    tokens: int
    features: int
    pad: int | None = None

    def __post_init__(self) -> None:
        arguments.integer("tokens", self.tokens, 1)
        arguments.integer("features", self.features, 1)
        if self.pad is not None and arguments.integer("pad", self.pad, 0) >= self.tokens:
            raise ValueError(f"pad: expected 0 <= pad < tokens = {self.tokens}, got {self.pad}")

    @property
    def width(self) -> int:
        """Outputs of a decoder that writes tokens: a logit for each."""
        return self.tokens

    @property
    def axis(self) -> str:
        """What the last axis of a decoder's outputs is called."""
        return "token"

    @property
    def words(self) -> str:
        """What a sequence consists of."""
        return f"{self.tokens} tokens"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of the parameter."""
        return {"E": (self.tokens, self.features)}

    def initialise(self, seed: int = 0, dtype: DTypeLike = "float64") -> Arrays:
        """Draw E from N(0, 1 / F); the row of ``pad`` is zero."""
        rng = np.random.default_rng(arguments.integer("seed", seed, 0))
        E = rng.normal(0.0, self.features**-0.5, (self.tokens, self.features)).astype(dtype)
        if self.pad is not None:
            E[self.pad] = 0
        return {"E": E}

    @guests("params")
    def forward(
        self, params: Mapping[str, np.ndarray], tokens: np.ndarray, lengths: Any = None, target: str = "cpu"
    ) -> EmbeddingRun:
        """The rows of tokens (T, B); zeros beyond the lengths (B,), where tokens are not looked at. Raises TypeError or
        ValueError naming the argument; RuntimeError where the target cannot run."""
        params = arguments.parameters(params, self.shapes, available(target).dtypes, target)
        flat = self.checked("tokens", tokens, lengths)
        E = params["E"]
        x = zeros((flat.size, self.features), E)
        index = np.where(flat == self.pad, -1, flat).reshape(-1) if self.pad is not None else flat.reshape(-1)
        run_rows(build_gather, (), flat.size, [index, E], [x], target=target, units=self.features, work=self.features)
        return EmbeddingRun(x.reshape(*flat.shape, self.features), self, index, target)

    @guests("dx")
    def backward(self, run: EmbeddingRun, dx: np.ndarray) -> Arrays:
        """The gradient of E. Raises TypeError or ValueError naming the argument."""
        if not isinstance(run, EmbeddingRun) or run.embedding != self:
            raise TypeError(f"run: expected a run of {self}, got {run!r}")
        dx = arguments.readable("dx", dx, run.x.shape, run.x.dtype)
        places = np.argsort(run._tokens, kind="stable")
        starts = np.searchsorted(run._tokens[places], np.arange(self.tokens + 1))
        flat, dE = dx.reshape(-1, self.features), zeros((self.tokens, self.features), run.x)
        given = [starts.astype(np.int64), places.astype(np.int64), flat]
        run_rows(build_scatter, (), self.tokens, given, [dE], target=run._target, units=self.features, work=flat.size)
        return {"E": dE}

    def before(self, tokens: np.ndarray, start: int) -> np.ndarray:
        """What a decoder is given at every step: ``start``, and then the tokens before."""
        return np.concatenate([np.full((1, tokens.shape[1]), start), tokens[:-1]]) if len(tokens) else tokens

    def refused(self, start: Any, stop: Any) -> str:
        """What is wrong with these tokens."""
        for name, token in (("start", start), ("stop", stop)):
            if arguments.integer(name, token, 0) >= self.tokens:
                return f"{name}: expected a token < {self.tokens}, got {token}"
        return ""

    def loss(self, outputs: np.ndarray, targets: np.ndarray, **options: Any) -> Loss:
        """``refseq.losses.cross_entropy`` of logits, with its options."""
        return losses.cross_entropy(outputs, targets, **options)

    def checked(self, name: str, tokens: Any, lengths: Any, like: np.ndarray | None = None) -> np.ndarray:
        """Tokens (T, B) as 64-bit integers, -1 beyond the lengths."""
        given = arguments.integers(name, tokens)
        if given.ndim != 2:
            raise ValueError(f"{name}: expected shape (T, B), got {given.shape}")
        steps, rows = given.shape
        inside = np.arange(steps)[:, None] < arguments.lengths(lengths, steps, rows)[None]
        bad = inside & ((given < 0) | (given >= self.tokens))
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(f"{name}: expected 0 <= token < {self.tokens}, got {given[where]} at {where}")
        return np.where(inside, given, -1).astype(np.int64)


def embedding(tokens: int, features: int, *, pad: int | None = None) -> Embedding:
    """A matrix E (tokens, features) whose rows stand for tokens: see ``Embedding``."""
    return Embedding(tokens, features, pad)
