"""A step of the Baum-Welch algorithm (EM) for a hidden Markov model.

The expectation is ``HMM.backward``: expected counts are the gradient of the log-likelihood in the logarithms of the
probabilities. The maximisation sets every probability to its share of the counts, and for Gaussian emissions

    mean = sum_t g_t x_t / sum_t g_t        variance = sum_t g_t (x_t - mean)^2 / sum_t g_t        (new mean)

with posteriors g, over all sequences. No step lowers the log-likelihood (L. E. Baum et al., 1970), unless a variance is
held at ``least_variance``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from refseq import arguments
from refseq.markov.hmm import HMM

Arrays = dict[str, np.ndarray]


def baum_welch(
    model: HMM,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    lengths: Any = None,
    *,
    least_variance: float = 1e-12,
    target: str = "cpu",
) -> tuple[Arrays, float]:
    """The parameters after one step, start, transition and emission as logarithms of probabilities; and the
    log-likelihood of all sequences before it. What was never counted, a state in which no sequence was or from which
    none went on, keeps its parameters. Arguments and errors as of ``HMM.forward``; float32 and float64."""
    if not isinstance(model, HMM):
        raise TypeError(f"model: expected an HMM, got {type(model).__name__}")
    least = arguments.number("least_variance", least_variance)
    if least < 0:
        raise ValueError(f"least_variance: expected at least 0, got {least_variance}")
    run = model.forward(params, x, lengths, target)
    grads = model.backward(run)
    found = {name: _shares(grads.log[name], run._log[name]) for name in run._log}
    if model.features:
        inside = np.arange(len(x))[:, None] < run.lengths
        moments = _moments(np.asarray(x)[inside], grads.posteriors[inside], params, least)
        found |= {name: value.astype(params[name].dtype) for name, value in moments.items()}
    return found, float(run.log_likelihood.sum())


def _shares(counts: np.ndarray, before: np.ndarray) -> np.ndarray:
    """log(counts / their sum) along the last axis; the logarithms before where nothing was counted."""
    total = counts.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, np.log(counts) - np.log(total), before)


def _moments(x: np.ndarray, g: np.ndarray, params: Mapping[str, np.ndarray], least: float) -> Arrays:
    """Means and logarithms of variances of x (N, D) by state, weighted by g (N, S)."""
    x, g = x.astype(np.float64), g.astype(np.float64)
    mass, old = g.sum(axis=0)[:, None], params["mean"]
    counted = mass > 0
    mass = np.where(counted, mass, 1)
    mean = np.where(counted, g.T @ x / mass, old)
    square = np.stack([weight @ (x - middle) ** 2 for weight, middle in zip(g.T, mean, strict=True)])
    with np.errstate(divide="ignore"):
        log_variance = np.log(np.maximum(square / mass, least))
    return {"mean": mean, "log_variance": np.where(counted, log_variance, params["log_variance"])}
