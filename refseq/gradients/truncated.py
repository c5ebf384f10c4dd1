"""Truncated backpropagation through time, BPTT(k1, k2): every k1 steps, back through the last k2 steps.

A sequence is cut into chunks of k1 steps. The losses of a chunk are backpropagated through the chunk and the k2 - k1
steps before it. So the loss at time t counts once, and is differentiated with respect to the uses of the parameters at
the times k with

    k1 ceil(t / k1) - k2 < k <= t                    t, k = 1, 2, ... n, the length of the row

The final state's loss has t = n; the initial state and x_k are used at time 1 and at time k. States are carried from
chunk to chunk, the gradient is not. k1 = k2 detaches the state between chunks, as most programs do; k1 = k2 >= T is
full BPTT, number by number; k1 = 1 gives every loss the same reach. R. J. Williams, J. Peng, Neural Computation 2
(1990), 490-501, where it is BPTT(h; h') with h = k2, h' = k1; I. Sutskever, Training recurrent neural networks, thesis,
Toronto 2013, section 2.8.6.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import zeros
from refseq.gradients.steps import Arrays, array_like, during, masked, no_steps, one_way, only_rows, states_like
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


def _time_first(masks: np.ndarray) -> np.ndarray:
    """Masks (L*D, T, B, H) as (T, B, L*D, H)."""
    return masks.transpose(1, 2, 0, 3)


class Stream:
    """A layer fed chunk by chunk, for training on sequences of any length with bounded memory.

        stream = Stream(layer)
        for chunk, wanted in data:
            y = stream.forward(params, chunk)
            grads = stream.backward(y - wanted)

    ``forward`` runs the layer over the *window* and returns the outputs of the chunk. The window of a row is the chunk
    and up to ``past`` of the row's steps before it (k2 - k1; 0 is the usual form). It starts from a state that counts
    as constant: it is detached. ``backward`` is the exact gradient of the chunk's losses through the window. The
    parameters may change between chunks; the steps of the past are then run again with the new ones.
    """

    def __init__(
        self, layer: Layer, past: int = 0, state: Mapping[str, np.ndarray] | None = None, target: str = "cpu"
    ) -> None:
        """``state`` is the initial state, None for zeros. Raises ValueError for a bidirectional layer or past < 0."""
        one_way(layer, "truncated BPTT")
        self.layer, self.past, self.target = layer, arguments.integer("past", past, 0), target
        self._start, self._x, self._run = state, None, None  # _x: the steps that lead from _start to the present

    @property
    def state(self) -> Arrays:
        """The state after the latest chunk."""
        return {name: value.copy() for name, value in self._latest().state.items()}

    @property
    def window(self) -> np.ndarray:
        """The number of steps (B,) of each row through which ``backward`` goes."""
        self._latest()
        return self._size.copy()

    def forward(
        self, params: Mapping[str, np.ndarray], x: np.ndarray, lengths: Any = None, *, masks: Any = None
    ) -> np.ndarray:
        """The outputs (K, B, ...) of the next chunk x (K, B, I). A row's own steps are its first lengths[b]; a row may
        be shorter in one chunk and go on in the next. ``masks`` of the chunk's steps, for a layer that takes them."""
        if self._run is not None:
            x = arguments.array("x", x, ("K", self._run.y.shape[1], self.layer.inputs), None)
        params, x, whole, begin = no_steps(self.layer, params, x, self._start, self.target, masks)
        new, like = arguments.lengths(lengths, *x.shape[:2]), next(iter(params.values()))
        if self._x is None:
            self._x, self._masks, self._kept = x[:0], during(whole, 0, 0), np.zeros(x.shape[1], np.int64)
        gone, none = np.maximum(self._kept - self.past, 0), np.zeros_like(new)
        start = self._layer(params, self._x, begin.state, gone, self._masks).state
        size = self._kept - gone + new

        def windowed(old: np.ndarray, chunk: np.ndarray) -> np.ndarray:
            joined = _joined(old, self._kept, chunk, new, like)
            return _moved(joined, gone, size, none, int(np.max(size, initial=0)), like)

        window = windowed(self._x, x)
        inside = {
            name: windowed(_time_first(self._masks[name]), _time_first(mask)).transpose(2, 0, 1, 3)
            for name, mask in whole.items()
        }
        run = self._layer(params, window, start, size, inside)
        self._run, self._size, self._new, self._like = run, size, new, like
        if self.past:
            self._start, self._x, self._masks, self._kept = start, window, inside, size
        else:
            self._start, self._x, self._masks, self._kept = run.state, x[:0], during(whole, 0, 0), none
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
            dy = _moved(dy, none, self._new, self._size - self._new, len(run.y), self._like)
        return self.layer.backward(run, dy, dstate)

    def _layer(self, params: Arrays, x: np.ndarray, state: Arrays, lengths: np.ndarray, masks: Arrays) -> Run:
        return self.layer.forward(params, x, state, lengths, self.target, **masked(masks))

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
    masks: Mapping[str, np.ndarray] | None = None,
    target: str = "cpu",
) -> Gradients:
    """What BPTT(k1, k2) takes for the gradient of sum(dy * y) + sum(dstate * final state), over a whole sequence.

    Arguments as in ``Layer.forward`` and ``Layer.backward``. Raises ValueError or TypeError naming the argument; for
    k2 < k1, which would leave some losses without any gradient; for a bidirectional layer.
    """
    if arguments.integer("k2", k2, 1) < arguments.integer("k1", k1, 1):
        raise ValueError(f"k2: expected at least k1 = {k1}, or losses would be lost, got {k2}")
    one_way(layer, "truncated BPTT")
    params, x, whole, begin = no_steps(layer, params, x, state, target, masks)
    counts, like = arguments.lengths(lengths, *x.shape[:2]), next(iter(params.values()))
    dy = array_like("dy", dy, (*x.shape[:2], begin.y.shape[2]), like, counts)
    final = states_like("dstate", dstate, begin.state)
    stream, total = Stream(layer, k2 - k1, begin.state, target), None
    for first in range(0, max(len(x), 1), k1):
        here = np.clip(counts - first, 0, k1)
        live = (here > 0) | (first == 0)  # a row of length 0 has its final state in the first chunk
        stream.forward(params, x[first : first + k1], here, masks=during(whole, first, first + k1))
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
