"""What a decoder sees of a model: a function that takes a step, and a state whose rows it can put into any order.

Both may be on a device. Arrays come in and go out piece by piece (``refseq.targets.visiting``), as the step in between
is the caller's, and sees the caller's own arrays.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from refseq import arguments, arrays
from refseq.arrays import Elsewhere
from refseq.targets import available
from refseq.targets.visiting import guests

Step = Callable[[Any, np.ndarray], tuple[np.ndarray, Any]]


def started(state: Any, first: Any, target: str) -> np.ndarray:
    """The tokens (B,) given to the first step, for which the state has a row each. Raises TypeError or ValueError
    naming the argument, RuntimeError where the target cannot run."""
    available(target)
    tokens = arguments.integers("first", first)
    if tokens.ndim != 1:
        raise ValueError(f"first: expected shape (B,), got {tokens.shape}")
    check_state(state, len(tokens), target=target)
    return tokens.astype(np.int64)


@guests("state")
def check_state(state: Any, rows: int, *, target: str) -> None:
    """Raises TypeError or ValueError unless every array of the state has so many rows."""
    _check_rows("state", state, rows)


def _check_rows(name: str, state: Any, rows: int) -> None:
    if isinstance(state, (dict, tuple, list)):
        for key, part in state.items() if isinstance(state, dict) else enumerate(state):
            _check_rows(f"{name}[{key!r}]", part, rows)
    elif state is not None and not isinstance(state, np.ndarray | Elsewhere):
        raise TypeError(f"{name}: expected a numpy array, a dict, tuple or list of them, got {type(state).__name__}")
    elif state is not None and (state.ndim == 0 or state.shape[0] != rows):
        raise ValueError(f"{name}: expected {rows} rows, one for each of first, got shape {state.shape}")


@guests("state")
def gathered(state: Any, rows: np.ndarray, *, target: str) -> Any:
    """The state of these rows, in every array of it."""
    return _gathered(state, rows)


def _gathered(state: Any, rows: np.ndarray) -> Any:
    if state is None:
        return None
    if isinstance(state, dict):
        return {name: _gathered(part, rows) for name, part in state.items()}
    if isinstance(state, (tuple, list)):
        return type(state)(_gathered(part, rows) for part in state)
    return arrays.rows(state, rows)


def scores(log_probabilities: Any, rows: int) -> Any:
    """What a step says follows each of so many tokens: (N, V), where it is. Raises TypeError or ValueError."""
    found = arguments.readable("step: log-probabilities", log_probabilities, (rows, "V"), None)
    if str(found.dtype) not in ("float32", "float64"):
        raise TypeError(f"step: expected log-probabilities of dtype float32 or float64, got {found.dtype}")
    arguments.integer("step: number of symbols", found.shape[1], 1)
    return found


@guests("log_probabilities")
def scores_on_host(log_probabilities: Any, rows: int, *, target: str) -> np.ndarray:
    """As ``scores``, and a copy of those on a device, for which the host waits."""
    return arrays.read(scores(log_probabilities, rows))
