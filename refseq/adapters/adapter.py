"""What every adapter does the same way: take numpy in refseq's layout, and keep rows without a step from the framework.

A batch row of length 0 has no outputs and its final state is its initial state. Frameworks differ on it: torch refuses
to pack it, the ONNX standard leaves its final state open (onnxruntime gives zeros), JAX returns the state after T steps
of padding. So an adapter hands the framework only rows that have a step, and holds the others itself; a framework is
judged on what it defines.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from refseq import arguments
from refseq.checks.implementation import Arrays, NotOffered
from refseq.layer import Layer

DTYPES = ("float32", "float64")


class Adapter(ABC):
    """An ``Implementation`` made of a framework's layer: subclasses run rows that all have at least one step.

    The arrays that they get are private, native and contiguous copies; lengths are None or int64 (B,), each in 1..T.

    Raises NotOffered for a layer that no framework here has.
    """

    def __init__(self, layer: Layer, name: str) -> None:
        no_framework_has(layer)
        self.layer, self.name = layer, name

    @abstractmethod
    def run(
        self, params: Arrays, x: np.ndarray, state: Arrays, lengths: np.ndarray | None
    ) -> tuple[np.ndarray, Arrays]:
        """``Implementation.forward`` on rows that have a step."""

    @abstractmethod
    def pull(
        self, params: Arrays, x: np.ndarray, state: Arrays, lengths: np.ndarray | None, dy: np.ndarray, dstate: Arrays
    ) -> tuple[Arrays, np.ndarray, Arrays]:
        """``Implementation.vjp`` on rows that have a step."""

    def forward(
        self,
        params: Mapping[str, np.ndarray],
        x: np.ndarray,
        state: Mapping[str, np.ndarray],
        lengths: np.ndarray | None = None,
    ) -> tuple[np.ndarray, Arrays]:
        """Outputs y (T, B, D*H) and the final state, dict of (L*D, B, H), for x (T, B, I); H of h and y may be smaller.

        Raises TypeError or ValueError naming the argument, and NotOffered for what the framework does not have.
        """
        params, x, state, counts = self._take(params, x, state, lengths)
        live = counts > 0
        y = np.zeros((*x.shape[:2], self.layer.outputs), x.dtype)
        final = {name: value.copy() for name, value in state.items()}
        if live.any():
            given = None if lengths is None else counts[live]
            y[:, live], ran = self.run(params, _rows(x, live), _states(state, live), given)
            for name, value in ran.items():
                final[name][:, live] = value
        return y, final

    def vjp(
        self,
        params: Mapping[str, np.ndarray],
        x: np.ndarray,
        state: Mapping[str, np.ndarray],
        lengths: np.ndarray | None,
        dy: np.ndarray,
        dstate: Mapping[str, np.ndarray],
    ) -> tuple[Arrays, np.ndarray, Arrays]:
        """Gradients of sum(dy * y) + sum(dstate * final state): like params, like x, like state.

        A held row is the identity of its state, so its dstate comes back. Raises as ``forward`` does.
        """
        params, x, state, counts = self._take(params, x, state, lengths)
        live = counts > 0
        dy = arguments.array("dy", dy, (*x.shape[:2], self.layer.outputs), x.dtype)
        dstate0 = self._take_states("dstate", dstate, x)
        dparams = {name: np.zeros_like(value) for name, value in params.items()}
        dx = np.zeros_like(x)
        if live.any():
            given = None if lengths is None else counts[live]
            cotangents = _rows(dy, live), _states(dstate0, live)
            dparams, dx[:, live], pulled = self.pull(params, _rows(x, live), _states(state, live), given, *cotangents)
            for name, value in pulled.items():
                dstate0[name][:, live] = value
        return dparams, dx, dstate0

    def _take(
        self, params: Mapping[str, np.ndarray], x: np.ndarray, state: Mapping[str, np.ndarray], lengths: object
    ) -> tuple[Arrays, np.ndarray, Arrays, np.ndarray]:
        """Private copies of everything, and the number of steps of every row (B,)."""
        dtypes = {str(value.dtype.newbyteorder("=")) for value in params.values() if isinstance(value, np.ndarray)}
        if dtypes - set(DTYPES):
            raise NotOffered(f"{self.name} is judged in {' and '.join(DTYPES)}, not in {', '.join(sorted(dtypes))}")
        params = arguments.parameters(params, self.layer.shapes, DTYPES, self.name)
        x = arguments.array("x", x, ("T", "B", self.layer.inputs), next(iter(params.values())).dtype)
        return params, x, self._take_states("state", state, x), arguments.lengths(lengths, *x.shape[:2])

    def _take_states(self, what: str, given: Mapping[str, np.ndarray], x: np.ndarray) -> Arrays:
        names, rows = self.layer.cell.state, x.shape[1]
        arguments.names(what, given, names)
        shapes = {name: self.layer.state_shape(rows, name) for name in names}
        return {n: arguments.array(f"{what}[{n!r}]", given[n], shapes[n], x.dtype) for n in names}


def no_framework_has(layer: Layer) -> None:
    """Raises NotOffered for what is refseq's own: masks from the caller, two directions that are not concatenated."""
    if layer.cell.masks:
        raise NotOffered(f"frameworks draw their own masks; they take none of {', '.join(layer.cell.masks)}")
    if layer.bidirectional and layer.merge != "concat":
        raise NotOffered(f"frameworks concatenate the outputs of two directions; they have no merge={layer.merge!r}")


def _rows(value: np.ndarray, live: np.ndarray) -> np.ndarray:
    """The chosen batch rows of (N, B, K), contiguous."""
    return np.ascontiguousarray(value[:, live])


def _states(state: Arrays, live: np.ndarray) -> Arrays:
    return {name: _rows(value, live) for name, value in state.items()}
