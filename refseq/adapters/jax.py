"""JAX's own LSTM as an implementation to be judged: ``jax.experimental.rnn.lstm_ref``, the only recurrent layer in JAX.

It computes what cuDNN does, in plain JAX, on any device; gradients through jax.vjp. Other recurrences are in packages
on top of JAX.
"""

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.experimental import rnn

from refseq.adapters.adapter import Adapter
from refseq.adapters.stacked_gates import Stacked, stack, stack_transpose
from refseq.cells import catalogue
from refseq.checks.implementation import Arrays, NotOffered
from refseq.layer import Layer

MATRICES = ("W_ih", "W_hh", "b_ih", "b_hh")  # in the order of lstm_ref's arguments
Tree = dict[str, dict[int, np.ndarray]]


class JaxImplementation(Adapter):
    """jax.experimental.rnn.lstm_ref with the sizes of a refseq layer; without bias, its biases are zeros.

    float64 is switched on while it runs and only then. Raises NotOffered for every layer but the plain LSTM.
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__(layer, f"jax {jax.__version__} lstm_ref")
        if layer.cell is not catalogue()["lstm"].cell():
            raise NotOffered(f"JAX has no {layer.cell.label}; jax.experimental.rnn has the plain LSTM alone")
        self._call = jax.jit(self.lstm)
        self._vjp = jax.jit(self._lstm_vjp)

    def run(
        self, params: Arrays, x: np.ndarray, state: Arrays, lengths: np.ndarray | None
    ) -> tuple[np.ndarray, Arrays]:
        """See ``Adapter.run``."""
        with doubles(x.dtype == np.float64):
            weights = self.weights(params, x.dtype)
            y, h, c = self._call(weights, x, state["h"], state["c"], self.counts(x, lengths))
            return np.asarray(y), {"h": np.asarray(h), "c": np.asarray(c)}

    def pull(
        self, params: Arrays, x: np.ndarray, state: Arrays, lengths: np.ndarray | None, dy: np.ndarray, dstate: Arrays
    ) -> tuple[Arrays, np.ndarray, Arrays]:
        """See ``Adapter.pull``."""
        with doubles(x.dtype == np.float64):
            weights = self.weights(params, x.dtype)
            given = (weights, x, state["h"], state["c"], self.counts(x, lengths))
            d, dx, dh, dc = self._vjp(given, (dy, dstate["h"], dstate["c"]))
            return self.weights_transpose(d), np.array(dx), {"h": np.array(dh), "c": np.array(dc)}

    def lstm(self, weights: Tree, x: Any, h: Any, c: Any, counts: Any) -> tuple:
        """lstm_ref with x (T, B, I) and y (T, B, D*H); JAX has the batch first."""
        of = self.layer
        matrices = (weights[name] for name in MATRICES)
        sizes = (of.inputs, of.units, of.layers, 0.0, of.bidirectional)
        y, h, c = rnn.lstm_ref(x.transpose(1, 0, 2), h, c, *matrices, counts, *sizes)
        return y.transpose(1, 0, 2), h, c

    def _lstm_vjp(self, given: tuple, cotangents: tuple) -> tuple:
        """The gradients of everything but the counts. One program with the forward pass: compiling takes the time."""
        weights, x, h, c, counts = given
        _, pull = jax.vjp(partial(self.lstm, counts=counts), weights, x, h, c)
        return pull(cotangents)

    def counts(self, x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
        """Lengths as JAX wants them: always, and int32."""
        return np.full(x.shape[1], len(x), np.int32) if lengths is None else lengths.astype(np.int32)

    def weights(self, params: Arrays, dtype: np.dtype) -> Tree:
        """The arrays of every layer and direction, numbered as refseq's states are."""
        tree: Tree = {name: {} for name in MATRICES}
        none = np.zeros(len(self.layer.cell.gates) * self.layer.units, dtype)
        for part in self.layer.parts:
            stacked = stack(self.layer, part, params, self.layer.cell.gates)
            for name, values in tree.items():
                value = getattr(stacked, name)
                values[part.row] = none if value is None else value
        return tree

    def weights_transpose(self, d: Tree) -> Arrays:
        """The adjoint of ``weights``."""
        result: Arrays = {}
        for part in self.layer.parts:
            one = Stacked(**{name: np.asarray(d[name][part.row]) for name in MATRICES})
            result |= stack_transpose(self.layer, part, one, self.layer.cell.gates)
        return result


def doubles(wanted: bool) -> AbstractContextManager:
    """float64 on or off within the context: JAX's switch is global, so it goes back where it was."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(wanted)
    return jax.experimental.enable_x64(wanted)  # pyright: ignore[reportAttributeAccessIssue] - its older place
