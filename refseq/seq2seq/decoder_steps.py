"""The time loops of a decoder that looks at a memory (``refseq.seq2seq.attention_decoder``), each with its adjoint.

``Current``: the query is the state after the step, and a_t is fed to the next one. ``Previous``: the query is the state
before the step; no step waits for an a_t, so that all of them are made at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refseq.arrays import Elsewhere, beside, zeros
from refseq.arrays import rows as rows_of
from refseq.layer import Layer
from refseq.networks.attention.memory import Look, Memory, MemoryGradients
from refseq.seq2seq.states import Arrays, Recurrent, add_into, top_state

FEED = "feed"


@dataclass(eq=False)
class Steps:
    """One pass over x (T, B, I) within the lengths (B,). ``params`` by part: "cell", "combine". ``record``: of every
    step the cell's run, the look, what a_t came of if it was made by itself, and the rows that were running."""

    cell: Recurrent
    combine: Layer
    params: Mapping[str, Arrays]
    memory: Memory
    counts: np.ndarray
    target: str
    record: list[tuple[Any, Look, Any, np.ndarray]] = field(default_factory=list)
    together: Any = None

    def forward(self, x: np.ndarray, state: Arrays) -> tuple[np.ndarray, np.ndarray, Arrays]:
        """Outputs (T, B, units), weights (T, B, Tk), and final states."""
        raise NotImplementedError

    def backward(
        self, dy: np.ndarray, dstate: Arrays, dweights: np.ndarray | None, inputs: int
    ) -> tuple[dict[str, Arrays], MemoryGradients, np.ndarray, Arrays]:
        """Gradients of the parameters by part, of the memory, of x with this many ``inputs``, and of first states."""
        raise NotImplementedError

    def _step(self, x: np.ndarray, fed: np.ndarray, state: Arrays, active: np.ndarray) -> Any:
        return self.cell.forward(self.params["cell"], beside([x, fed]), state, active, self.target)

    def _made(self, contexts: np.ndarray, h: np.ndarray, counts: np.ndarray) -> Any:
        """The run of a = tanh(W_c [c; h] + b_c)."""
        return self.combine.forward(self.params["combine"], beside([contexts, h]), lengths=counts, target=self.target)

    def _active(self, t: int) -> np.ndarray:
        return (self.counts > t).astype(np.int64)

    @property
    def like(self) -> np.ndarray:
        """An array of the number field."""
        return next(iter(self.params["combine"].values()))

    def _weights(self) -> np.ndarray:
        """Those of all steps."""
        shape = (len(self.record), len(self.counts), self.memory.tokens.steps)
        found = zeros(shape, self.like)
        for t, (_, look, _, _) in enumerate(self.record):
            found[t] = look.weights[0]  # type: ignore[index]
        return found


class Current(Steps):
    """h_t = cell([x_t; a_(t-1)], h_(t-1)), c_t = attention(h_t), a_t."""

    def forward(self, x: np.ndarray, state: Arrays) -> tuple[np.ndarray, np.ndarray, Arrays]:
        """See ``Steps``."""
        fed, state = state[FEED], {name: value for name, value in state.items() if name != FEED}
        y = zeros((*x.shape[:2], fed.shape[2]), self.like)
        for t in range(len(x)):
            active = self._active(t)
            run = self._step(x[t : t + 1], fed, state, active)
            look = self.memory.look(run.y, active)
            made = self._made(look.y, run.y, active)
            y[t], state = made.y[0], dict(run.state)
            fed = within(active, made.y) + within(1 - active, fed)
            self.record.append((run, look, made, active))
        return y, self._weights(), state | {FEED: fed}

    def backward(
        self, dy: np.ndarray, dstate: Arrays, dweights: np.ndarray | None, inputs: int
    ) -> tuple[dict[str, Arrays], MemoryGradients, np.ndarray, Arrays]:
        """See ``Steps``."""
        whole, keys = MemoryGradients(self.memory), self.memory.features[1]
        dx, ds = zeros((*dy.shape[:2], inputs), self.like), dict(dstate)
        dfed, parts = ds.pop(FEED), {"cell": {}, "combine": {}}
        for t in reversed(range(len(dy))):
            run, look, made, active = self.record[t]
            combined = self.combine.backward(made, dy[t : t + 1] + within(active, dfed))
            dcontext, dh = combined.x[..., :keys], combined.x[..., keys:]
            dh = dh + whole.add(look, dcontext, None if dweights is None else dweights[t : t + 1])
            pulled = self.cell.backward(run, dh, ds)
            dx[t], ds = pulled.x[0, :, :inputs], dict(pulled.state)
            dfed = pulled.x[..., inputs:] + within(1 - active, dfed)
            add_into(parts["combine"], combined.params)
            add_into(parts["cell"], pulled.params)
        return parts, whole, dx, ds | {FEED: dfed}


class Previous(Steps):
    """c_t = attention(h_(t-1)), h_t = cell([x_t; c_t], h_(t-1)); a_t of all t together."""

    def forward(self, x: np.ndarray, state: Arrays) -> tuple[np.ndarray, np.ndarray, Arrays]:
        """See ``Steps``."""
        keys, top = self.memory.features[1], top_state(self.cell)
        contexts, h = (zeros((*x.shape[:2], size), self.like) for size in (keys, self.cell.outputs))
        for t in range(len(x)):
            active = self._active(t)
            look = self.memory.look(state[top][-1:], active)
            run = self._step(x[t : t + 1], look.y, state, active)
            contexts[t], h[t], state = look.y[0], run.y[0], dict(run.state)
            self.record.append((run, look, None, active))
        self.together = self._made(contexts, h, self.counts)
        return self.together.y, self._weights(), state

    def backward(
        self, dy: np.ndarray, dstate: Arrays, dweights: np.ndarray | None, inputs: int
    ) -> tuple[dict[str, Arrays], MemoryGradients, np.ndarray, Arrays]:
        """See ``Steps``."""
        whole, keys, top = MemoryGradients(self.memory), self.memory.features[1], top_state(self.cell)
        dx, ds = zeros((*dy.shape[:2], inputs), self.like), dict(dstate)
        combined = self.combine.backward(self.together, dy)
        parts = {"cell": {}, "combine": combined.params}
        for t in reversed(range(len(dy))):
            run, look, _, _ = self.record[t]
            pulled = self.cell.backward(run, combined.x[t : t + 1, :, keys:], ds)
            dx[t], ds = pulled.x[0, :, :inputs], dict(pulled.state)
            dcontext = combined.x[t : t + 1, :, :keys] + pulled.x[..., inputs:]
            before = whole.add(look, dcontext, None if dweights is None else dweights[t : t + 1])
            ds[top] = ds[top].copy()
            ds[top][-1:] = ds[top][-1:] + before
            add_into(parts["cell"], pulled.params)
        return parts, whole, dx, ds


def within(active: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows (1, B, H), 0 where they are not active."""
    if isinstance(rows, Elsewhere):
        index = np.where(active > 0, np.arange(len(active)), -1)
        return rows_of(rows.reshape(rows.shape[1:]), index).reshape(rows.shape)
    found = zeros(rows.shape, rows)
    found[:, active > 0] = rows[:, active > 0]
    return found
