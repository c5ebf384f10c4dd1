"""Hidden Markov models that the tests share, and what they see."""

import numpy as np
import pytest

from refseq.markov import hmm

T, B = 5, 4
LENGTHS = [5, 0, 3, 1]
MODELS = [hmm(3, symbols=4), hmm(3, symbols=4, sums="direct"), hmm(5, features=2), hmm(9, features=1, sums="direct")]
models = pytest.mark.parametrize("model", MODELS, ids=str)


def observed(model, steps=T, rows=B, dtype="float64", seed=1):
    rng = np.random.default_rng(seed)
    if model.symbols:
        return rng.integers(0, model.symbols, (steps, rows))
    return rng.normal(size=(steps, rows, model.features)).astype(dtype)


def everything(model, params, x, lengths=None, target="cpu"):
    """All arrays that a model gives."""
    run = model.forward(params, x, lengths, target)
    grads = model.backward(run)
    found = {"value": run.log_likelihood, "posteriors": run.posteriors}
    found |= {"x": grads.x} if grads.x is not None else {}
    return found | grads.params | {f"log {name}": value for name, value in grads.log.items()}
