"""The gradient as an explicit double sum over the time of the loss and the time at which a parameter is used.

    dL/dtheta = sum_t sum_{k<=t} (d s_k / d theta)^T lambda_{t,k}
    lambda_{t,k} = (J_{t-1} ... J_{k+1})^T lambda_{t,t-1},  J_k = d s_k / d s_{k-1}

(L4.1.) d s_k / d theta is the derivative of step k alone, and lambda_{t,k} that of the loss at time t with respect to
the state vector after step k. For an Elman network delta_{t,k} = diag(f'(z_k)) lambda_{t,k}, and the summand is
delta_{t,k} h_{k-1}^T.

It costs O(T^2) steps and is here as a witness: BPTT regroups the same sum by Horner's rule. It needs single steps of
the layer only, and can leave out pairs (t, k), which is how truncation is defined.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from refseq.arrays import zeros
from refseq.gradients.steps import Steps, identity
from refseq.layer import Gradients, Layer


def state_cotangents(steps: Steps, dy: np.ndarray, final: np.ndarray) -> np.ndarray:
    """lambda (T, T, B, n): [t, k], steps counted from 0, is the derivative of the loss at step t in s[k+1].

    The loss at step t is sum(dy[t] * y_t), and for the last step of a row also sum(final * s). [t, t] holds only what
    reaches s[t+1] past y_t: the final cotangent. Entries with k > t are zero: causality.
    """
    table = zeros((steps.steps, steps.steps, steps.rows, steps.vector.size), steps.like)
    some = np.flatnonzero(steps.counts)
    table[steps.counts[some] - 1, steps.counts[some] - 1, some] = final[some]
    t, b = (axis.reshape(-1) for axis in np.indices((steps.steps, steps.rows)))
    pulled = steps.pull(t, b, dy[t, b], table[t, t, b])
    before = steps.vector.join(pulled.state).reshape(steps.steps, steps.rows, steps.vector.size)
    jacobians = steps.jacobians()
    for t in range(1, steps.steps):
        table[t, t - 1], product = before[t], identity(steps.vector.size, steps.like)[None]
        for k in range(t - 2, -1, -1):
            product = product @ jacobians[k + 1]  # d s[t] / d s[k+1]
            table[t, k] = (before[t][:, None, :] @ product)[:, 0]
    return table


def double_sum_gradients(
    layer: Layer,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    state: Mapping[str, np.ndarray] | None = None,
    lengths: Any = None,
    dy: np.ndarray | None = None,
    dstate: Mapping[str, np.ndarray | None] | None = None,
    *,
    counted: np.ndarray | None = None,
    masks: Mapping[str, np.ndarray] | None = None,
    target: str = "reference",
) -> Gradients:
    """The gradient of sum(dy * y) + sum(dstate * final state), pair by pair.

    ``counted`` (T, T) or (T, T, B), boolean: the pairs [t, k] of loss and use, from 0, that enter; None for all. The
    initial state and x_k are used at step k = 0 and at step k. Other arguments as in ``Layer.forward`` and
    ``Layer.backward``. Works over every number field, where the equality with BPTT is exact. Raises ValueError or
    TypeError naming the argument, and ValueError for a bidirectional layer.
    """
    steps = Steps(layer, params, x, state, lengths, target, masks, "the double sum")
    dy, final = steps.cotangents(dy, dstate)
    counted = _pairs(counted, steps)
    table = state_cotangents(steps, dy, final)
    total = {name: zeros(value.shape, value) for name, value in steps.params.items()}
    dx, initial = zeros(steps.x.shape, steps.like), zeros(final.shape, steps.like)
    initial[steps.counts == 0] = final[steps.counts == 0]
    for k in range(steps.steps):
        t, b = np.nonzero(counted[:, k])
        own = zeros((len(t), steps.width), steps.like)
        own[t == k] = dy[k, b[t == k]]
        pulled = steps.pull(np.full(len(t), k), b, own, table[t, k, b])
        total = {name: value + pulled.params[name] for name, value in total.items()}
        dx[k] = _over_losses(pulled.x[0], t, b, steps)
        if k == 0:
            initial = initial + _over_losses(steps.vector.join(pulled.state), t, b, steps)
    return Gradients(total, dx, {name: value.copy() for name, value in steps.vector.split(initial).items()})


def _over_losses(values: np.ndarray, t: np.ndarray, b: np.ndarray, steps: Steps) -> np.ndarray:
    """Rows (N, ...) that belong to the losses (t, b), summed over t."""
    spread = zeros((steps.steps, steps.rows, values.shape[1]), steps.like)
    spread[t, b] = values
    return spread.sum(axis=0)


def _pairs(counted: Any, steps: Steps) -> np.ndarray:
    """The pairs (T, T, B) that exist and are counted."""
    shape = (steps.steps, steps.steps, steps.rows)
    t, k, b = np.indices(shape)
    exist = (k <= t) & (t < steps.counts[b])
    if counted is None:
        return exist
    if not isinstance(counted, np.ndarray) or counted.dtype != bool:
        found = getattr(counted, "dtype", type(counted).__name__)
        raise TypeError(f"counted: expected an array of booleans, got {found}")
    if counted.shape not in (shape, shape[:2]):
        raise ValueError(f"counted: expected shape {shape[:2]} or {shape}, got {counted.shape}")
    return exist & (counted if counted.ndim == 3 else counted[:, :, None])
