"""Real-time recurrent learning: gradients forward in time, available after every step, without storing the past.

The influence S_t = d s_t / d theta of all parameters on the state vector is carried along:

    S_t = J_t S_{t-1} + (d s_t / d theta at fixed s_{t-1})        S_0 = 0

and the gradient of the loss at time t is (d L_t / d theta at fixed s_{t-1}) + S_{t-1}^T (d L_t / d s_{t-1}).
R. J. Williams, D. Zipser, A learning algorithm for continually running fully recurrent neural networks, Neural
Computation 1 (1989), 270-280, for any layer in one direction. Memory is O(B n P) whatever T is, n the size of the state
vector and P the number of parameters. The initial state is carried as n further parameters with S_0 = I.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import zeros
from refseq.gradients.steps import (
    Arrays,
    StateVector,
    array_like,
    identity,
    initial_state,
    one_way,
    only_rows,
    states_like,
)
from refseq.layer import Layer, Run


class Rtrl:
    """A layer that learns online: ``step`` takes one input, ``gradients`` answers for the outputs of that step.

    After a change of the parameters S is the influence of their past values, as in Williams and Zipser's online rule,
    exact in the limit of a small learning rate.
    """

    def __init__(self, layer: Layer, state: Mapping[str, np.ndarray] | None = None, target: str = "cpu") -> None:
        """``state`` is the initial state, None for zeros. Raises ValueError for a bidirectional layer."""
        one_way(layer, "real-time recurrent learning")
        self.layer, self.target = layer, target
        self._state, self._run, self._vector = state, None, None

    @property
    def state(self) -> Arrays:
        """The state after the latest step."""
        return {name: value.copy() for name, value in self._latest().state.items()}

    @property
    def influence(self) -> Arrays:
        """d s_t / d theta by parameter name, each (B, n, *shape): how each parameter has moved the state vector."""
        self._latest()
        rows, size, _ = self._influence.shape
        return {
            name: self._influence[:, :, where].reshape(rows, size, *self.layer.shapes[name])
            for name, where in self._columns().items()
        }

    def step(self, params: Mapping[str, np.ndarray], x: np.ndarray, active: Any = None) -> np.ndarray:
        """The outputs (B, ...) for the inputs x (B, I). ``active`` (B,), 1 or 0: rows with 0 have ended and hold."""
        if self._run is None:
            self._start(params, x)
        inputs = arguments.array("x", x, (self._influence.shape[0], self.layer.inputs), None)[None]
        counts = arguments.lengths(active, 1, inputs.shape[1])
        run = self.layer.forward(params, inputs, self._state, counts, self.target)
        following = self._influence.copy()
        for b in np.flatnonzero(counts):
            jacobian, immediate = self._row(params, inputs[:, [b]], b)
            following[b] = jacobian @ self._influence[b] + immediate
        self._before, self._influence, self._state, self._run = self._influence, following, run.state, run
        return run.y[0].copy()

    def gradients(
        self, dy: np.ndarray | None = None, dstate: Mapping[str, np.ndarray | None] | None = None
    ) -> tuple[Arrays, Arrays]:
        """Of sum(dy * y_t) + sum(dstate * s_t), t the latest step: like the parameters, and like the initial state."""
        run = self._latest()
        grads = self.layer.backward(run, None if dy is None else np.asarray(dy)[None], dstate)
        through = self._vector.join(grads.state)
        past = (through[:, None, :] @ self._before)[:, 0]  # (B, P + n)
        total = past.sum(axis=0) if len(past) else zeros(past.shape[1:], self._before)
        params = {
            name: grads.params[name] + total[where].reshape(grads.params[name].shape)
            for name, where in self._columns().items()
        }
        initial = self._vector.split(past[:, past.shape[1] - self._vector.size :])
        return params, {name: value.copy() for name, value in initial.items()}

    def _latest(self) -> Run:
        if self._run is None:
            raise RuntimeError("no step has been taken: call step first")
        return self._run

    def _start(self, params: Mapping[str, np.ndarray], x: np.ndarray) -> None:
        x = arguments.array("x", x, ("B", self.layer.inputs), None)
        _, self._state, _ = initial_state(self.layer, params, x[None], self._state, self.target)
        like = next(iter(params.values()))
        self._vector = StateVector.of(self._state)
        size = self._vector.size
        columns = sum(value.size for value in params.values())
        self._influence = zeros((len(x), size, columns + size), like)
        self._influence[:, :, columns:] = identity(size, like)

    def _columns(self) -> dict[str, slice]:
        found, first = {}, 0
        for name, shape in self.layer.shapes.items():
            found[name] = slice(first, first + int(np.prod(shape)))
            first = found[name].stop
        return found

    def _row(self, params: Mapping[str, np.ndarray], x: np.ndarray, b: int) -> tuple[np.ndarray, np.ndarray]:
        """J (n, n) and the immediate influence (n, P + n) of one step of batch row b. A layer's gradients of parameters
        are sums over rows, so each entry of the state vector is pulled back by itself."""
        before = {name: value[:, [b]] for name, value in self._state.items()}
        run = self.layer.forward(params, x, before, None, self.target)
        jacobian, immediate = identity(self._vector.size, self._influence), zeros(self._influence.shape[1:], self._influence)
        columns = self._columns()
        for i, cotangent in enumerate(jacobian.copy()):
            grads = self.layer.backward(run, None, self._vector.split(cotangent[None]))
            jacobian[i] = self._vector.join(grads.state)[0]
            for name, where in columns.items():
                immediate[i, where] = grads.params[name].reshape(-1)
        return jacobian, immediate


def rtrl_gradients(
    layer: Layer,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    state: Mapping[str, np.ndarray] | None = None,
    lengths: Any = None,
    dy: np.ndarray | None = None,
    dstate: Mapping[str, np.ndarray | None] | None = None,
    target: str = "cpu",
) -> tuple[Arrays, Arrays]:
    """The gradient of sum(dy * y) + sum(dstate * final state), the sum of what each step answers: like the parameters,
    and like the initial state. (x has no gradient here: that would be an influence that grows with T.)

    Arguments as in ``Layer.forward`` and ``Layer.backward``. Works over every number field, where the equality with
    BPTT is exact. Raises ValueError or TypeError naming the argument.
    """
    learner = Rtrl(layer, state, target)
    x, initial, width = initial_state(layer, params, x, state, target)
    counts, like = arguments.lengths(lengths, *x.shape[:2]), next(iter(params.values()))
    dy = array_like("dy", dy, (*x.shape[:2], width), like, counts)
    final = states_like("dstate", dstate, initial)
    total = {name: zeros(value.shape, value) for name, value in params.items()}
    dstate0 = only_rows(final, counts == 0)
    for t in range(len(x)):
        learner.step(params, x[t], (t < counts).astype(np.int64))
        grads, through = learner.gradients(dy[t], only_rows(final, counts == t + 1))
        total = {name: value + grads[name] for name, value in total.items()}
        dstate0 = {name: value + through[name] for name, value in dstate0.items()}
    return total, dstate0
