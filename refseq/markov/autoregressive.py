"""The linear autoregressive model AR(tau): likelihood, gradient, least squares, forecast."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import contiguous, zeros
from refseq.markov import autoregressive_rows as rows_of
from refseq.markov.emissions import tau
from refseq.markov.parameters import ones, perplexity
from refseq.rowwise import run_rows
from refseq.targets import available
from refseq.targets.visiting import guests

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class AutoregressiveRun:
    """A forward pass: ``log_likelihood`` (B,), of what comes after the first tau observations given these, and
    ``residuals`` (T, B, D), 0 where there is none; and what backward needs."""

    log_likelihood: np.ndarray
    residuals: np.ndarray
    lengths: np.ndarray
    model: "Autoregressive" = field(repr=False)
    _params: Arrays = field(repr=False)
    _x: np.ndarray = field(repr=False)
    _target: str = field(repr=False)


@dataclass(frozen=True)
class Autoregressive:
    """An immutable model; make one with ``refseq.markov.autoregressive``."""

    features: int
    order: int

    def __post_init__(self) -> None:
        arguments.integer("features", self.features, 1)
        arguments.integer("order", self.order, 1)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name."""
        d = self.features
        return {"W": (self.order, d, d), "b": (d,), "log_variance": (d,)}

    @property
    def label(self) -> str:
        """Its kind and options."""
        return f"autoregressive({self.order})"

    @property
    def sizes(self) -> str:
        """Its sizes, in words."""
        return f"{self.features} features"

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """What the axes of parameters, inputs and results are called."""
        own = {"W": ("lag", "unit", "feature"), "b": ("unit",), "log_variance": ("unit",)}
        return own | {"x": ("time", "row", "unit"), "y": ("row",)}

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    @guests("params", "x")
    def forward(
        self, params: Mapping[str, np.ndarray], x: np.ndarray, lengths: Any = None, target: str = "cpu"
    ) -> AutoregressiveRun:
        """The conditional log-likelihood of every sequence of x (T, B, D), 0 for one that is not longer than tau; what
        is beyond a row's length is not read. Raises TypeError or ValueError naming the argument."""
        where = available(target)
        params = arguments.parameters(params, self.shapes, where.dtypes, target)
        x = arguments.array("x", x, ("T", "B", self.features), params["b"].dtype)
        return self._forward(params, x, arguments.lengths(lengths, *x.shape[:2]), tau(params["b"]), target)

    def _forward(self, params: Arrays, x: np.ndarray, lengths: np.ndarray, one: np.ndarray, target: str) -> Any:
        like, (steps, rows, width) = params["b"], x.shape
        value, r = zeros((rows,), like), zeros(x.shape, like)
        given = [params["W"], params["b"], params["log_variance"], one, x, lengths]
        work = steps * width * (self.order * width + 2)
        run_rows(rows_of.build_forward, (), rows, given, [value, r], target=target, units=width, work=work)
        return AutoregressiveRun(value, r, lengths, self, params, x, target)

    @guests("dy")
    def backward(self, run: AutoregressiveRun, dy: np.ndarray | None = None) -> tuple[Arrays, np.ndarray]:
        """The gradients of sum(dy * log_likelihood) in the parameters and in x; dy (B,) is 1 for None. Raises TypeError
        or ValueError naming the argument."""
        if not isinstance(run, AutoregressiveRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.model != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.model}")
        value, params, x, target = run.log_likelihood, run._params, run._x, run._target
        dy = ones(value) if dy is None else arguments.array("dy", dy, value.shape, value.dtype)
        v, (steps, rows, width) = params["log_variance"], x.shape
        dr, dx = zeros(x.shape, v), zeros(x.shape, v)
        given = [params["W"], v, run.lengths, run.residuals, dy]
        work = steps * width * (self.order * width + 2)
        run_rows(rows_of.build_inputs, (), rows, given, [dr, dx], target=target, units=width, work=work)
        dW, db, dv = zeros((width, self.order, width), v), zeros((width,), v), zeros((width,), v)
        given = [x, run.lengths, v, run.residuals, dy, dr]
        run_rows(rows_of.build_parameters, (), width, given, [dW, db, dv], target=target, units=width, work=rows * work)
        return {"W": contiguous(dW.transpose(1, 0, 2)), "b": db, "log_variance": dv}, dx

    def fit(self, x: np.ndarray, lengths: Any = None, *, least_variance: float = 1e-12) -> Arrays:
        """The parameters that maximise the conditional log-likelihood of all sequences: least squares for W and b (the
        smallest solution, where there are many), then the mean square of the residuals. float32 and float64. Raises
        ValueError where no sequence is longer than tau."""
        dtype = x.dtype if isinstance(x, np.ndarray) else None
        x = arguments.array("x", x, ("T", "B", self.features), dtype)
        if str(x.dtype) not in ("float32", "float64"):
            raise TypeError(f"x: expected dtype float32 or float64, got {x.dtype}")
        found = arguments.lengths(lengths, *x.shape[:2])
        at = [(t, b) for b, length in enumerate(found) for t in range(self.order, length)]
        if not at:
            raise ValueError(f"x: expected a sequence longer than tau = {self.order}, got lengths {found.tolist()}")
        t, b = np.array(at).T
        wide = x.astype(np.float64)
        lags = [wide[t - 1 - k, b] for k in range(self.order)]
        given = np.concatenate([np.ones((len(t), 1)), *lags], axis=1)
        solution, *_ = np.linalg.lstsq(given, wide[t, b])
        variance = np.mean((wide[t, b] - given @ solution) ** 2, axis=0)
        W = solution[1:].reshape(self.order, self.features, self.features).transpose(0, 2, 1)
        made = {"W": W, "b": solution[0], "log_variance": np.log(np.maximum(variance, least_variance))}
        return {name: np.ascontiguousarray(value, x.dtype) for name, value in made.items()}

    def forecast(self, params: Mapping[str, np.ndarray], x: np.ndarray, steps: int) -> np.ndarray:
        """The means (steps, B, D) of what follows x (T, B, D), T at least tau: each from those before it, as if they
        had been observed. Raises TypeError or ValueError naming the argument."""
        params = arguments.parameters(params, self.shapes, ("float32", "float64"), "cpu")
        x = arguments.array("x", x, ("T", "B", self.features), params["b"].dtype)
        arguments.integer("steps", steps, 0)
        if len(x) < self.order:
            raise ValueError(f"x: expected at least tau = {self.order} steps, got {len(x)}")
        known = list(x)
        for _ in range(steps):
            past = known[::-1][: self.order]
            known.append(
                sum((v @ W.T for W, v in zip(params["W"], past, strict=True)), params["b"] + zeros(x.shape[1:], x))
            )
        return np.stack(known[len(x) :]) if steps else zeros((0, *x.shape[1:]), x)

    def perplexity(self, params: Mapping[str, np.ndarray], x: np.ndarray, lengths: Any = None) -> float:
        """exp(-log-likelihood per observation), of a density, and so not at least 1; 1 without any observation after
        the first tau ones."""
        run = self.forward(params, x, lengths)
        count = int(np.maximum(run.lengths - self.order, 0).sum())
        return perplexity(float(run.log_likelihood.sum()), count)


def autoregressive(order: int, features: int = 1) -> Autoregressive:
    """A linear autoregressive model of order tau (L2.1), of one number or of a vector at every step:

        x_t = b + sum over k < tau of W_k x_(t-1-k) + noise,    noise ~ N(0, diag(exp(log_variance)))

    Parameters: ``W`` (tau, D, D), ``b`` and ``log_variance`` (D,). The likelihood is conditional on the first tau
    observations of every sequence. Raises TypeError or ValueError naming the argument.
    """
    return Autoregressive(arguments.integer("features", features, 1), arguments.integer("order", order, 1))
