"""How large gradients are, by time: the cotangents of the states that a loss asks for."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from refseq.arrays import zeros
from refseq.gradients.double_sum import state_cotangents
from refseq.gradients.steps import Arrays, Steps
from refseq.layer import Layer


def _add_output(table: np.ndarray, dy: np.ndarray, steps: Steps, output: str | None) -> None:
    """Where y_t is a copy of the last layer's state ``output``, its cotangent is a cotangent of that state.

    ``table`` (T, B, n) belongs to the states after each step, dy (T, B, H).
    """
    if output is None:
        return
    place = steps.vector.entries(output, -1)
    valid = np.arange(steps.steps)[:, None] < steps.counts
    if steps.y.shape[2] != place.stop - place.start or not np.array_equal(steps.y[valid], steps.s[1:, :, place][valid]):
        raise ValueError(f"output: expected the state that {steps.layer} puts out, or None; {output!r} is not y")
    table[:, :, place] += dy


def delta_norms(
    layer: Layer,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    state: Mapping[str, np.ndarray] | None = None,
    lengths: Any = None,
    dy: np.ndarray | None = None,
    dstate: Mapping[str, np.ndarray | None] | None = None,
    *,
    of: str | None = None,
    output: str | None = "h",
    masks: Mapping[str, np.ndarray] | None = None,
    target: str = "cpu",
) -> np.ndarray:
    """||d L_t / d s_k||, the length of lambda_{t,k} (``refseq.gradients.double_sum``), as a table (T, T, B).

    Entry [t, k] belongs to the loss L_t = sum(dy[t] * y_t) at step t (and sum(dstate * s) at a row's last step) and the
    state after step k, both counted from 0; zero for k > t. ``of``: the norm over this state only, e.g. "c".
    ``output``: the state of which y is a copy, so that [t, t] has its cotangent; None for layers whose y is no state.
    For an Elman network delta_{t,k} = diag(f'(z_k)) lambda_{t,k} (L4.1). Other arguments as in ``Layer.forward`` and
    ``Layer.backward``; raises ValueError or TypeError naming the argument.
    """
    steps = Steps(layer, params, x, state, lengths, target, masks, "the norm of a delta")
    dy, final = steps.cotangents(dy, dstate)
    table = state_cotangents(steps, dy, final)
    diagonal = np.arange(steps.steps)
    own = table[diagonal, diagonal]
    _add_output(own, dy, steps, output)
    table[diagonal, diagonal] = own
    return np.linalg.norm(table if of is None else table[..., steps.vector.entries(of)], axis=-1)


def gradient_norms(
    layer: Layer,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    state: Mapping[str, np.ndarray] | None = None,
    lengths: Any = None,
    dy: np.ndarray | None = None,
    dstate: Mapping[str, np.ndarray | None] | None = None,
    *,
    output: str | None = "h",
    masks: Mapping[str, np.ndarray] | None = None,
    target: str = "cpu",
) -> Arrays:
    """||d L / d s_t|| of the whole loss L = sum(dy * y) + sum(dstate * final state), by state name, each (T+1, B).

    Entry [t] belongs to the state after t steps, [0] to the initial state. It contains what the loss at step t itself
    asks of y_t if y is a copy of the state ``output`` (grad_{h_t} L of L4.2), else (None) only what later steps ask.
    Beyond a row's length its state is held, and so is the norm. Arguments as in ``delta_norms``.
    """
    steps = Steps(layer, params, x, state, lengths, target, masks, "the norm of a gradient")
    dy, final = steps.cotangents(dy, dstate)
    table = zeros((steps.steps + 1, *final.shape), steps.like)
    table[steps.steps] = final
    every = np.arange(steps.rows)
    for t in range(steps.steps - 1, -1, -1):
        table[t] = steps.vector.join(steps.pull(np.full(steps.rows, t), every, dy[t], table[t + 1]).state)
    _add_output(table[1:], dy, steps, output)
    return {name: np.linalg.norm(table[..., steps.vector.entries(name)], axis=-1) for name in steps.vector.shapes}
