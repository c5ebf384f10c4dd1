"""What a batch of observations says about the states: their scores, and the gradients that follow from theirs."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import lift, zeros
from refseq.markov import emission_rows
from refseq.markov.chain import blank
from refseq.markov.views import views_for
from refseq.primitives import constant
from refseq.rowwise import run_rows

Arrays = dict[str, np.ndarray]
LOG_2_PI = math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class Emissions:
    """Of observations x, symbols (T, B) if ``tau`` is None, else features (T, B, D), and of the parameters. ``tau``
    (1,): log 2 pi in their number field."""

    x: np.ndarray
    params: Arrays
    lengths: np.ndarray
    tau: np.ndarray | None = None
    _work: Arrays = field(default_factory=dict)

    def scores(self, log: Arrays, target: str) -> np.ndarray:
        """log p(x_t | state) (T, B, S); 0 beyond a row's length."""
        like = self.params["transition"]
        steps, rows, n = *self.x.shape[:2], len(like)
        e = blank((steps, rows, n), like)
        if self.tau is None:
            given = [log["emission"], self.x, self.lengths]
            run_rows(emission_rows.build_discrete, (), rows, given, [e], target=target, units=n, work=steps * n)
            return e
        mean, v, dtype = self.params["mean"], self.params["log_variance"], str(like.dtype)
        M, Q, c = zeros(mean.shape[::-1], like), zeros(mean.shape[::-1], like), zeros((1, n), like)
        run_rows(emission_rows.build_precisions, (), n, [mean, v, self.tau], [M, Q, c], target=target)
        options, given = (views_for(dtype, target), dtype), [self.x, self.lengths, M, Q, c]
        work = steps * n * mean.shape[1]
        run_rows(emission_rows.build_gaussian, options, rows, given, [e], target=target, units=n, work=work)
        self._work.update(M=M, Q=Q)
        return e

    def backward(self, de: np.ndarray, target: str) -> tuple[Arrays, np.ndarray | None]:
        """The gradients in the logarithms of the emissions, or in means and log-variances, and in x."""
        (steps, rows, n), like = de.shape, self.params["transition"]
        work = steps * rows
        if self.tau is None:
            dB = zeros(self.params["emission"].shape, like)
            given = [self.x, self.lengths, de]
            run_rows(emission_rows.build_discrete_backward, (), n, given, [dB], target=target, work=work)
            return {"emission": dB}, None
        M, Q = self._work["M"], self._work["Q"]
        dmean, dv, dx = zeros((n, len(M)), like), zeros((n, len(M)), like), zeros(self.x.shape, like)
        given, units = [self.x, self.lengths, M, Q, de], len(M)
        run_rows(
            emission_rows.build_gaussian_backward, (), n, given, [dmean, dv], target=target, units=units, work=work * 6
        )
        run_rows(emission_rows.build_gaussian_inputs, (), rows, given, [dx], target=target, units=units, work=steps * n)
        return {"mean": dmean, "log_variance": dv}, dx

    def with_lengths(self, lengths: Any) -> "Emissions":
        """The same, checked, with rows of these lengths."""
        found = arguments.lengths(lengths, *self.x.shape[:2])
        if self.tau is None:
            inside = np.arange(len(self.x))[:, None] < found
            symbols = self.params["emission"].shape[1]
            bad = inside & ((self.x < 0) | (self.x >= symbols))
            if bad.any():
                where = tuple(int(i) for i in np.argwhere(bad)[0])
                raise ValueError(f"x: expected 0 <= symbol < V = {symbols}, got {self.x[where]} at {where}")
        return replace(self, lengths=found)


def emissions_of(features: int, params: Arrays, x: Any, target: str) -> Emissions:
    """Of observations as they are given: integers (T, B), or features (T, B, D)."""
    like, none = params["transition"], np.zeros(0, np.int64)
    if features:
        x = arguments.array("x", x, ("T", "B", features), like.dtype)
        return Emissions(x, params, none, tau(like))
    found = arguments.integers("x", x)
    if found.ndim != 2:
        raise ValueError(f"x: expected shape (T, B), got {found.shape}")
    return Emissions(np.array(found, np.int64, order="C"), params, none)


def tau(like: np.ndarray) -> np.ndarray:
    """log 2 pi, rounded to double precision, in the number field of an array."""
    if like.dtype != object:
        return np.array([LOG_2_PI], like.dtype)
    return lift(np.array([LOG_2_PI]), lambda value: constant(like.flat[0], value))
