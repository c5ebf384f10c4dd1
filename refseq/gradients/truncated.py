"""Truncated backpropagation through time, BPTT(k1, k2): every k1 steps, back through the last k2 steps.

A batch row of length n is cut into chunks of k1 steps, the last one shorter. At the end e of a chunk the losses of the
chunk's own steps are backpropagated through the last k2 steps, as far as they exist. So the loss at time t counts once,
and is differentiated with respect to the uses of the parameters at the times k with

    e(t) - k2 < k <= t          e(t) = min(n, k1 ceil(t / k1))          t, k = 1, 2, ... n

The final state's loss has t = n; the initial state and x_k are used at time 1 and at time k. States are carried from
chunk to chunk, the gradient is not. k1 = k2 >= T is full BPTT, number by number. R. J. Williams, J. Peng, Neural
Computation 2 (1990), 490-501, where it is BPTT(h; h') with h = k2, h' = k1; I. Sutskever, Training recurrent neural
networks, thesis, Toronto 2013, section 2.8.6.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import zeros
from refseq.gradients.steps import Arrays, array_like, initial_state, one_way, only_rows, states_like
from refseq.layer import Gradients, Layer, Run


def _joined(first: np.ndarray, counts: np.ndarray, then: np.ndarray, more: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Row by row, the first counts[b] steps of one array and the first more[b] of the other, one after the other."""
    result = zeros((int(np.max(counts + more, initial=0)), *then.shape[1:]), like)
    for b, (old, new) in enumerate(zip(counts, more, strict=True)):
        result[:old, b], result[old : old + new, b] = first[:old, b], then[:new, b]
    return result


def _moved(
    values: np.ndarray, start: np.ndarray, size: np.ndarray, to: np.ndarray, steps: int, like: np.ndarray
) -> np.ndarray:
    """Row by row, size[b] steps from start[b] on, put at to[b] in an array of this many steps; zeros elsewhere."""
    result = zeros((steps, *values.shape[1:]), like)
    for b in range(values.shape[1]):
        result[to[b] : to[b] + size[b], b] = values[start[b] : start[b] + size[b], b]
    return result


class Stream:
    """A layer fed chunk by chunk, for training on sequences of any length with bounded memory.

        stream = Stream(layer, k2=20)
        for chunk, wanted in data:
            y = stream.forward(params, chunk)
            grads = stream.backward(y - wanted)

    ``forward`` returns the outputs of the chunk alone, and runs the layer over the *window*: each row's last k2 steps,
    the chunk's among them, starting from a state that counts as constant (it is detached). ``backward`` is the exact
    gradient of the chunk's losses through the window. The parameters may change between chunks; a chunk longer than k2
    widens its window, so that no loss is lost.
    """

    def __init__(
        self, layer: Layer, k2: int, state: Mapping[str, np.ndarray] | None = None, target: str = "cpu"
    ) -> None:
        """``state`` is the initial state, None for zeros. Raises ValueError for a bidirectional layer or k2 < 1."""
        one_way(layer, "truncated BPTT")
        self.layer, self.k2, self.target = layer, arguments.integer("k2", k2, 1), target
        self._before, self._state = state, state
        self._x, self._run = None, None

    @property
    def state(self) -> Arrays:
        """The state after the latest chunk."""
        return {name: value.copy() for name, value in self._latest().state.items()}

    @property
    def window(self) -> np.ndarray:
        """The number of steps (B,) of each row through which ``backward`` goes."""
        self._latest()
        return self._counts.copy()

    def forward(self, params: Mapping[str, np.ndarray], x: np.ndarray, lengths: Any = None) -> np.ndarray:
        """The outputs (K, B, ...) of the next chunk x (K, B, I). A row's own steps are its first lengths[b]; a row may
        be shorter in one chunk and go on in the next."""
        x, before, _ = initial_state(self.layer, params, x, self._before, self.target)
        new, like = arguments.lengths(lengths, *x.shape[:2]), next(iter(params.values()))
        if self._x is None:
            self._x, self._counts = x[:0], np.zeros(x.shape[1], np.int64)
        longer, total = _joined(self._x, self._counts, x, new, like), self._counts + new
        size = np.minimum(total, np.maximum(self.k2, new))
        gone, none = total - size, np.zeros_like(size)
        start = self.layer.forward(params, longer, before, gone, self.target).state  # up to the window, not through it
        window = _moved(longer, gone, size, none, int(np.max(size, initial=0)), like)
        run = self.layer.forward(params, window, start, size, self.target)
        self._before, self._x, self._counts, self._new, self._run, self._like = start, window, size, new, run, like
        return _moved(run.y, size - new, new, none, len(x), like)

    def backward(
        self, dy: np.ndarray | None = None, dstate: Mapping[str, np.ndarray | None] | None = None
    ) -> Gradients:
        """The gradient of sum(dy * y) + sum(dstate * state) of the latest chunk, through its window.

        ``x`` of the result belongs to the window: row b's step i of it is the row's step number
        (steps so far) - window[b] + i. ``state`` is the gradient of the state at the window's start.
        """
        run = self._latest()
        if dy is not None:
            shape = ("K", *run.y.shape[1:])
            dy = arguments.array("dy", dy, shape, run.y.dtype)
            if len(dy) < np.max(self._new, initial=0):
                raise ValueError(f"dy: expected the chunk's {np.max(self._new)} steps, got {len(dy)}")
            none = np.zeros_like(self._new)
            dy = _moved(dy, none, self._new, self._counts - self._new, len(run.y), self._like)
        return self.layer.backward(run, dy, dstate)

    def _latest(self) -> Run:
        if self._run is None:
            raise RuntimeError("no chunk has been read: call forward first")
        return self._run


def truncated_gradients(
    layer: Layer,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    state: Mapping[str, np.ndarray] | None = None,
    lengths: Any = None,
    dy: np.ndarray | None = None,
    dstate: Mapping[str, np.ndarray | None] | None = None,
    *,
    k1: int,
    k2: int,
    target: str = "cpu",
) -> Gradients:
    """What BPTT(k1, k2) takes for the gradient of sum(dy * y) + sum(dstate * final state), over a whole sequence.

    Arguments as in ``Layer.forward`` and ``Layer.backward``. Raises ValueError or TypeError naming the argument; for
    k2 < k1, which would leave some losses without any gradient; for a bidirectional layer.
    """
    if arguments.integer("k2", k2, 1) < arguments.integer("k1", k1, 1):
        raise ValueError(f"k2: expected at least k1 = {k1}, or losses would be lost, got {k2}")
    one_way(layer, "truncated BPTT")
    x, initial, width = initial_state(layer, params, x, state, target)
    counts, like = arguments.lengths(lengths, *x.shape[:2]), next(iter(params.values()))
    dy = array_like("dy", dy, (*x.shape[:2], width), like, counts)
    final = states_like("dstate", dstate, initial)
    stream, total = Stream(layer, k2, initial, target), None
    for first in range(0, max(len(x), 1), k1):
        here = np.clip(counts - first, 0, k1)
        live = (here > 0) | (first == 0)  # a row of length 0 has its final state in the first chunk
        stream.forward(params, x[first : first + k1], here)
        grads = stream.backward(dy[first : first + k1], only_rows(final, live & (counts <= first + k1)))
        size = np.where(live, stream.window, 0)
        start = np.where(live, first + here, 0) - size
        dx = _moved(grads.x, np.zeros_like(size), size, start, len(x), like)
        total = _sum(total, Gradients(grads.params, dx, only_rows(grads.state, live & (start == 0))))
    assert total is not None  # there is at least one chunk
    return total


def _sum(total: Gradients | None, more: Gradients) -> Gradients:
    if total is None:
        return more
    params = {name: value + more.params[name] for name, value in total.params.items()}
    return Gradients(params, total.x + more.x, {name: value + more.state[name] for name, value in total.state.items()})
