"""Hidden Markov models with discrete or Gaussian emissions: likelihood, posteriors, gradient, best path."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments
from refseq.markov import chain
from refseq.markov.emissions import Emissions, emissions_of
from refseq.markov.parameters import CONTINUOUS, normalised, ones, perplexity, some_finite, unnormalised
from refseq.targets import available
from refseq.targets.visiting import follow, guests

Arrays = dict[str, np.ndarray]
SUMS = ("scaled", "direct")


@dataclass(frozen=True, eq=False)
class HMMRun:
    """A forward pass: ``log_likelihood`` (B,) of every sequence, 0 for one of length 0, and what backward needs."""

    log_likelihood: np.ndarray
    lengths: np.ndarray
    model: "HMM" = field(repr=False)
    _chain: chain.Recording = field(repr=False)
    _emissions: Emissions = field(repr=False)
    _log: Arrays = field(repr=False)

    @cached_property
    def posteriors(self) -> np.ndarray:
        """p(state at t | the whole sequence) (T, B, S), which is the gradient of the log-likelihood in the score of the
        state; 0 beyond a row's length, and for a sequence of probability 0."""
        return follow(self, lambda run: chain.backward(run._chain, ones(run.log_likelihood), counted=False).states)


@dataclass(frozen=True, eq=False)
class HMMGradients:
    """Gradients: ``params`` like the parameters; ``x`` (T, B, D) like Gaussian observations, else None. ``log``: those
    in the logarithms of the probabilities, each taken as free: for a cotangent of 1 expected counts. ``posteriors``
    (T, B, S): those in the scores of the states."""

    params: Arrays
    x: np.ndarray | None
    log: Arrays
    posteriors: np.ndarray


@dataclass(frozen=True)
class HMM:
    """An immutable hidden Markov model; make one with ``refseq.markov.hmm``."""

    states: int
    symbols: int = 0
    features: int = 0
    sums: str = "scaled"

    def __post_init__(self) -> None:
        arguments.integer("states", self.states, 1)
        arguments.integer("symbols", self.symbols, 0)
        arguments.integer("features", self.features, 0)
        arguments.choice("sums", self.sums, SUMS)
        if (self.symbols > 0) == (self.features > 0):
            raise ValueError(f"symbols, features: expected one of them, got {self.symbols} and {self.features}")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name."""
        found: dict[str, tuple[int, ...]] = {"start": (self.states,), "transition": (self.states, self.states)}
        if self.symbols:
            return found | {"emission": (self.states, self.symbols)}
        return found | {"mean": (self.states, self.features), "log_variance": (self.states, self.features)}

    @property
    def label(self) -> str:
        """Its kind and options."""
        kind = "discrete" if self.symbols else "Gaussian"
        return f"hmm({kind}, {self.sums})"

    @property
    def sizes(self) -> str:
        """Its sizes, in words."""
        observed = f"{self.symbols} symbols" if self.symbols else f"{self.features} features"
        return f"{self.states} states {observed}"

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """What the axes of parameters, inputs and results are called."""
        found: dict[str, tuple[str, ...]] = {"start": ("state",), "transition": ("from", "to"), "y": ("row",)}
        if self.symbols:
            return found | {"emission": ("state", "symbol")}
        return found | {
            "mean": ("state", "feature"),
            "log_variance": ("state", "feature"),
            "x": ("time", "row", "unit"),
        }

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    def initialise(self, seed: int = 0, dtype: DTypeLike = "float64") -> Arrays:
        """Random scores and means, standard normal; variances of 1. Raises TypeError or ValueError."""
        rng = np.random.default_rng(arguments.integer("seed", seed, 0))
        dtype = arguments.dtype_name("dtype", dtype)
        drawn = {name: rng.normal(size=shape).astype(dtype) for name, shape in self.shapes.items()}
        if self.features:
            drawn["log_variance"][...] = 0
        return drawn

    @guests("params", "x")
    def forward(
        self, params: Mapping[str, np.ndarray], x: np.ndarray, lengths: Any = None, target: str = "cpu"
    ) -> HMMRun:
        """The log-likelihood of every sequence.

        params   dict of arrays with the shapes of ``model.shapes``; -inf is a probability of 0
        x        symbols (T, B), integers, or features (T, B, D) of the dtype of the parameters; what is beyond a row's
                 length is not read
        lengths  None (T for all) or integers (B,)

        A sequence that is impossible has log-likelihood -inf, and gradients 0. A NaN in x makes the log-likelihood of
        its own sequence NaN. Raises TypeError or ValueError naming the argument; RuntimeError where the target cannot
        run.
        """
        where = available(target)
        params = arguments.parameters(params, self.shapes, where.dtypes, target)
        some_finite(params)
        made = emissions_of(self.features, params, x, target)
        return self._forward(params, made.with_lengths(lengths), target)

    def _forward(self, params: Arrays, made: Emissions, target: str) -> HMMRun:
        log = self._logarithms(params, target)
        e = made.scores(log, target)
        run = chain.forward(log["start"], log["transition"], e, made.lengths, target, self.sums == "direct")
        return HMMRun(run.value, made.lengths, self, run, made, log)

    def _logarithms(self, params: Arrays, target: str) -> Arrays:
        """Of the probabilities."""
        return {name: normalised(value, target) for name, value in params.items() if name not in CONTINUOUS}

    @guests("dy")
    def backward(self, run: HMMRun, dy: np.ndarray | None = None) -> HMMGradients:
        """The gradient of sum(dy * log_likelihood); dy (B,) is 1 for None. Raises TypeError or ValueError."""
        if not isinstance(run, HMMRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.model != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.model}")
        value, target = run.log_likelihood, run._chain.target
        dy = ones(value) if dy is None else arguments.array("dy", dy, value.shape, value.dtype)
        counts = chain.backward(run._chain, dy)
        assert counts.pairs is not None  # they were asked for
        log = {"start": counts.start, "transition": counts.pairs}
        made, x = run._emissions.backward(counts.states, target)
        log |= made
        params = {}
        for name, gradient in log.items():
            if name in run._log:
                params[name] = unnormalised(run._emissions.params[name], gradient, target)
            else:
                params[name] = gradient
        return HMMGradients(params, x, log, counts.states)

    @guests("params", "x")
    def viterbi(
        self, params: Mapping[str, np.ndarray], x: np.ndarray, lengths: Any = None, target: str = "cpu"
    ) -> tuple[np.ndarray, np.ndarray]:
        """The most probable path of states (T, B), -1 beyond a row's length, and the log of its joint probability with
        x (B,). Of equally probable ones the path that has the lowest state last, then next to last, and so on.
        Arguments and errors as of ``forward``; float32 and float64."""
        where = available(target)
        params = arguments.parameters(params, self.shapes, where.dtypes, target)
        some_finite(params)
        made = emissions_of(self.features, params, x, target).with_lengths(lengths)
        log = self._logarithms(params, target)
        given = log["start"], log["transition"], made.scores(log, target)
        value, path = chain.best_paths(*given, made.lengths, target)
        return path, value

    def perplexity(self, params: Mapping[str, np.ndarray], x: np.ndarray, lengths: Any = None) -> float:
        """exp(-log-likelihood per observation) over all sequences; of a density for Gaussian emissions, and then not
        at least 1. Without any observation 1."""
        run = self.forward(params, x, lengths)
        return perplexity(float(run.log_likelihood.sum()), int(run.lengths.sum()))


def hmm(states: int, *, symbols: int = 0, features: int = 0, sums: str = "scaled") -> HMM:
    """A hidden Markov model (L2.1): a chain of hidden states, each of which emits an observation.

        p(x, z) = p(z_0) p(x_0 | z_0) prod over t > 0 of p(z_t | z_(t-1)) p(x_t | z_t)

    ``symbols``: emissions are discrete; ``features``: Gaussian with diagonal covariance. Parameters are free numbers:
    scores ``start`` (S,), ``transition`` (S, S) from row to column, and ``emission`` (S, V), whose log-softmax over
    the last axis are logarithms of probabilities (so that these may be given themselves); ``mean`` and
    ``log_variance`` (S, D). Gradients are therefore those of an unconstrained problem, for ``refseq.optimisers``;
    gradients in the logarithms, expected counts, are ``HMMGradients.log``, and ``baum_welch`` is the step of EM.

    ``sums``: "scaled" takes S exponentials a step, as ``refseq.markov.chain_rows`` tells, "direct" S^2.
    Raises TypeError or ValueError naming the argument. L. R. Rabiner, Proc. IEEE 77 (1989) 257-286.
    """
    return HMM(states, symbols, features, sums)
