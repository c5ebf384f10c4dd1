"""Hidden Markov models beside hmmlearn: log-likelihood and posteriors of a batch. Run: python -m benchmarks.hmm

Medians of rounds in turn (``benchmarks.turns``); both implementations of hmmlearn, "log" (its default) and "scaling".
Results are compared before anything is timed.
"""

import warnings
from typing import Any

import numba
import numpy as np

from benchmarks.turns import medians
from refseq.markov import HMM, hmm

FEATURES, SYMBOLS = 4, 16
SIZES = ((4, 100, 32), (8, 200, 32), (16, 200, 32), (32, 200, 32), (8, 5000, 2))


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    print(f"float64, {numba.get_num_threads()} threads; milliseconds for log-likelihood and posteriors\n")
    print(f"{'emissions':<12}{'S':>4}{'T':>6}{'B':>4}{'refseq':>10}{'log':>10}{'scaling':>10}{'ratios':>16}")
    for observed in ("discrete", "Gaussian"):
        for states, steps, rows in SIZES:
            model = hmm(states, symbols=SYMBOLS) if observed == "discrete" else hmm(states, features=FEATURES)
            times = rounds(*made(model, steps, rows), [steps] * rows)
            ratios = " ".join(f"{times[name] / times['refseq']:.1f}x" for name in ("log", "scaling"))
            shown = "".join(f"{times[name]:>10.3f}" for name in ("refseq", "log", "scaling"))
            print(f"{observed:<12}{states:>4}{steps:>6}{rows:>4}{shown}{ratios:>16}")


def made(model: HMM, steps: int, rows: int) -> tuple[HMM, dict, np.ndarray, dict[str, Any]]:
    """A model, its parameters, observations, and hmmlearn's models of them."""
    from hmmlearn.hmm import CategoricalHMM, GaussianHMM

    rng, params = np.random.default_rng(0), model.initialise()
    theirs: dict[str, Any] = {}
    for name in ("log", "scaling"):
        kind = CategoricalHMM if model.symbols else GaussianHMM
        other: Any = kind(model.states, implementation=name)
        other.startprob_, other.transmat_ = probabilities(params["start"]), probabilities(params["transition"])
        if model.symbols:
            other.n_features, other.emissionprob_ = model.symbols, probabilities(params["emission"])
        else:
            other.n_features, other.means_ = model.features, params["mean"]
            other.covars_ = np.exp(params["log_variance"])
        theirs[name] = other
    x = rng.integers(0, SYMBOLS, (steps, rows)) if model.symbols else rng.normal(size=(steps, rows, FEATURES))
    return model, params, x, theirs


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Softmax over the last axis."""
    return np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)


def rounds(model: HMM, params: dict, x: np.ndarray, theirs: dict, lengths: list[int]) -> dict[str, float]:
    """The median time of each, in milliseconds."""
    flat = np.ascontiguousarray(np.swapaxes(x, 0, 1)).reshape(x.shape[0] * x.shape[1], -1)

    def ours() -> tuple[float, np.ndarray]:
        run = model.forward(params, x)
        return run.log_likelihood.sum(), run.posteriors

    calls = {"refseq": ours}
    calls |= {name: lambda other=other: other.score_samples(flat, lengths) for name, other in theirs.items()}
    value, posteriors = ours()
    for name in theirs:
        likelihood, found = calls[name]()
        np.testing.assert_allclose(value, likelihood, rtol=1e-9)
        np.testing.assert_allclose(np.swapaxes(posteriors, 0, 1).reshape(found.shape), found, atol=1e-8)
    return medians(calls)


if __name__ == "__main__":
    main()
