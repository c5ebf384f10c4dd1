"""What a decoder sees of a model: a function that takes a step, and a state whose rows it can put into any order."""

from collections.abc import Callable
from typing import Any

import numpy as np

from refseq import arguments

Step = Callable[[Any, np.ndarray], tuple[np.ndarray, Any]]


def gathered(state: Any, rows: np.ndarray) -> Any:
    """The state of these rows, in every array of it."""
    if state is None:
        return None
    if isinstance(state, dict):
        return {name: gathered(part, rows) for name, part in state.items()}
    if isinstance(state, (tuple, list)):
        return type(state)(gathered(part, rows) for part in state)
    return state[rows]


def rows_of(state: Any, rows: int, name: str = "state") -> None:
    """Raises TypeError or ValueError unless every array of the state has so many rows."""
    if isinstance(state, (dict, tuple, list)):
        parts = state.items() if isinstance(state, dict) else enumerate(state)
        for key, part in parts:
            rows_of(part, rows, f"{name}[{key!r}]")
    elif state is not None and not isinstance(state, np.ndarray):
        raise TypeError(f"{name}: expected a numpy array, a dict, tuple or list of them, got {type(state).__name__}")
    elif state is not None and (state.ndim == 0 or len(state) != rows):
        raise ValueError(f"{name}: expected {rows} rows, one for each of first, got shape {state.shape}")


def start_tokens(first: Any) -> np.ndarray:
    """The tokens given to the first step."""
    found = arguments.integers("first", first)
    if found.ndim != 1:
        raise ValueError(f"first: expected shape (B,), got {found.shape}")
    return found.astype(np.int64)


def log_probabilities(step: Step, state: Any, tokens: np.ndarray) -> tuple[np.ndarray, Any]:
    """What follows (N, V), and the state, by the model."""
    logp, state = step(state, tokens)
    logp = arguments.readable("step: log-probabilities", logp, (len(tokens), "V"), None)
    if str(logp.dtype) not in ("float32", "float64"):
        raise TypeError(f"step: expected log-probabilities of dtype float32 or float64, got {logp.dtype}")
    arguments.integer("step: number of symbols", logp.shape[1], 1)
    return logp, state
