"""Real-time recurrent learning: gradients forward in time, available after every step, without storing the past.

The influence S_t = d s_t / d theta of all parameters on the state vector is carried along:

    S_t = J_t S_{t-1} + (d s_t / d theta at fixed s_{t-1})        S_0 = 0

and the gradient of the loss at time t is (d L_t / d theta at fixed s_{t-1}) + S_{t-1}^T (d L_t / d s_{t-1}).
R. J. Williams, D. Zipser, A learning algorithm for continually running fully recurrent neural networks, Neural
Computation 1 (1989), 270-280, here for any layer in one direction, stacked or not. Memory is O(B n P) whatever T is, n
the size of the state vector and P the number of parameters. The initial state is carried as n further parameters with
S_0 = I.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import DTYPES, zeros
from refseq.gradients.steps import (
    Arrays,
    StateVector,
    array_like,
    during,
    identity,
    masked,
    no_steps,
    one_way,
    only_rows,
    states_like,
)
from refseq.layer import Layer

Params = Mapping[str, np.ndarray]
States = Mapping[str, np.ndarray | None]


class Rtrl:
    """A layer that learns online: ``step`` takes one input, ``gradients`` answers for the outputs of that step.

    After a change of the parameters S is the influence of their past values, as in Williams and Zipser's online rule:
    exact in the limit of a small learning rate.
    """

    def __init__(
        self, layer: Layer, params: Params, rows: int, state: Params | None = None, target: str = "cpu"
    ) -> None:
        """``rows`` is B; ``state`` the initial state, None for zeros. Raises ValueError for a bidirectional layer, and
        ValueError or TypeError naming the argument."""
        one_way(layer, "real-time recurrent learning")
        self.layer, self.target = layer, target
        params = arguments.parameters(params, layer.shapes, DTYPES, target)
        sample = next(iter(params.values()))
        x = zeros((0, arguments.integer("rows", rows, 0), layer.inputs), sample)
        empty = {name: zeros(shape, sample) for name, shape in layer.mask_shapes(0, rows).items()}
        self._run = layer.forward(params, x, state, None, target, **masked(empty))
        self._vector = StateVector.of(self._run.state)
        self._columns, columns = {}, 0
        for name, value in params.items():
            self._columns[name] = slice(columns, columns + value.size)
            columns += value.size
        self._influence = zeros((rows, self._vector.size, columns + self._vector.size), sample)
        self._influence[:, :, columns:] = identity(self._vector.size, sample)
        self._before = self._influence

    @property
    def state(self) -> Arrays:
        """The state after the latest step."""
        return {name: value.copy() for name, value in self._run.state.items()}

    @property
    def influence(self) -> Arrays:
        """d s_t / d theta by parameter name, each (B, n, *shape): how each parameter has moved the state vector."""
        lead = self._influence.shape[:2]
        return {
            name: self._influence[:, :, where].reshape(*lead, *self.layer.shapes[name])
            for name, where in self._columns.items()
        }

    def step(self, params: Params, x: np.ndarray, active: Any = None, masks: Params | None = None) -> np.ndarray:
        """The outputs (B, ...) for the inputs x (B, I). ``active`` (B,), 1 or 0: rows with 0 have ended and hold;
        ``masks`` (L*D, 1, B, H) for a layer that takes them."""
        rows = len(self._influence)
        inputs = arguments.array("x", x, (rows, self.layer.inputs), None)[None]
        counts = arguments.lengths(active, 1, rows)
        before = self._run.state
        run = self.layer.forward(params, inputs, before, counts, self.target, **masked(masks))
        following = self._influence.copy()
        for b in np.flatnonzero(counts).tolist():
            one = {name: value[:, [b]] for name, value in before.items()}
            here = {name: mask[:, :, [b]] for name, mask in (masks or {}).items()}
            jacobian, immediate = self._derivatives(params, inputs[:, [b]], one, here)
            following[b] = jacobian @ self._influence[b] + immediate
        self._before, self._influence, self._run = self._influence, following, run
        return run.y[0].copy()

    def gradients(self, dy: np.ndarray | None = None, dstate: States | None = None) -> tuple[Arrays, Arrays]:
        """Of sum(dy * y_t) + sum(dstate * s_t), t the latest step: like the parameters, and like the initial state."""
        if dy is not None:
            dy = arguments.array("dy", dy, self._run.y.shape[1:], self._run.y.dtype)[None]
        grads = self.layer.backward(self._run, dy, dstate)
        past = (self._vector.join(grads.state)[:, None, :] @ self._before)[:, 0]  # (B, P + n)
        total = past.sum(axis=0) if len(past) else zeros(past.shape[1:], self._before)
        params = {
            name: grads.params[name] + total[where].reshape(grads.params[name].shape)
            for name, where in self._columns.items()
        }
        initial = self._vector.split(past[:, past.shape[1] - self._vector.size :])
        return params, {name: value.copy() for name, value in initial.items()}

    def _derivatives(
        self, params: Params, x: np.ndarray, before: Arrays, masks: Arrays
    ) -> tuple[np.ndarray, np.ndarray]:
        """J (n, n) and the immediate influence (n, P + n) of one step of one batch row. A layer's gradients of
        parameters are sums over rows, so each entry of the state vector is pulled back by itself."""
        run = self.layer.forward(params, x, before, None, self.target, **masked(masks))
        jacobian = identity(self._vector.size, self._influence)
        immediate = zeros(self._influence.shape[1:], self._influence)
        for i, cotangent in enumerate(jacobian.copy()):
            grads = self.layer.backward(run, None, self._vector.split(cotangent[None]))
            jacobian[i] = self._vector.join(grads.state)[0]
            for name, where in self._columns.items():
                immediate[i, where] = grads.params[name].reshape(-1)
        return jacobian, immediate


def rtrl_gradients(
    layer: Layer,
    params: Params,
    x: np.ndarray,
    state: Params | None = None,
    lengths: Any = None,
    dy: np.ndarray | None = None,
    dstate: States | None = None,
    target: str = "cpu",
    *,
    masks: Params | None = None,
) -> tuple[Arrays, Arrays]:
    """The gradient of sum(dy * y) + sum(dstate * final state), the sum of what each step answers: like the parameters,
    and like the initial state. (x has no gradient here: that would be an influence that grows with T.)

    Arguments as in ``Layer.forward`` and ``Layer.backward``. Works over every number field, where the equality with
    BPTT is exact. Raises ValueError or TypeError naming the argument.
    """
    one_way(layer, "real-time recurrent learning")
    params, x, whole, start = no_steps(layer, params, x, state, target, masks)
    counts, like = arguments.lengths(lengths, *x.shape[:2]), next(iter(params.values()))
    dy = array_like("dy", dy, (*x.shape[:2], start.y.shape[2]), like, counts)
    final = states_like("dstate", dstate, start.state)
    learner = Rtrl(layer, params, x.shape[1], start.state, target)
    total = {name: zeros(value.shape, value) for name, value in params.items()}
    initial = only_rows(final, counts == 0)
    for t in range(len(x)):
        learner.step(params, x[t], (t < counts).astype(np.int64), during(whole, t, t + 1))
        grads, through = learner.gradients(dy[t], only_rows(final, counts == t + 1))
        total = {name: value + grads[name] for name, value in total.items()}
        initial = {name: value + through[name] for name, value in initial.items()}
    return total, initial
