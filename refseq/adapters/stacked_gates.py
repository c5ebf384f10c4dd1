"""The layout that frameworks share: the gates of one layer and direction stacked in matrices, and two biases.

    refseq      W_hx (G, H, K), W_hh (G, H, H), b_h (G, H), and for gru(reset="after") b_hn (H,)
    framework   W_ih (G*H, K),  W_hh (G*H, H),  b_ih (G*H,), b_hh (G*H,), in its own order of the gates

A framework adds both biases where refseq has one. b is split into b_ih = 2b and b_hh = -b: their sum is exactly b in
every float format, and they differ, so that a bias which is dropped or taken twice changes the outputs. The gradient
comes back through the transpose, db = 2 db_ih - db_hh, which is db only if both are right. Where the recurrent bias
acts alone (``separate`` gates, GRU's n with the reset gate after the product) it is not split: b_ih = b_h, b_hh = b_hn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refseq.checks.implementation import Arrays
from refseq.layer import Layer
from refseq.networks.stacked import Part


@dataclass(frozen=True)
class Stacked:
    """One layer in one direction as a framework has it; biases None where the layer has none."""

    W_ih: np.ndarray
    W_hh: np.ndarray
    b_ih: np.ndarray | None = None
    b_hh: np.ndarray | None = None

    def arrays(self) -> list[np.ndarray]:
        """W_ih, W_hh, and b_ih, b_hh if there are any."""
        return [value for value in (self.W_ih, self.W_hh, self.b_ih, self.b_hh) if value is not None]


def stack(layer: Layer, part: Part, params: Arrays, order: Sequence[str]) -> Stacked:
    """refseq's parameters of one part in the framework's layout, gates in ``order``."""
    at = [layer.cell.gates.index(gate) for gate in order]
    W_ih, W_hh = (np.concatenate(params[name + part.suffix][at]) for name in ("W_hx", "W_hh"))
    if not layer.bias:
        return Stacked(W_ih, W_hh)
    b = params["b_h" + part.suffix]
    b_ih, b_hh = 2 * b, -b
    for gate in layer.cell.separate:
        g = layer.cell.gates.index(gate)
        b_ih[g], b_hh[g] = b[g], params[f"b_h{gate}{part.suffix}"]
    return Stacked(W_ih, W_hh, np.concatenate(b_ih[at]), np.concatenate(b_hh[at]))


def stack_transpose(layer: Layer, part: Part, d: Stacked, order: Sequence[str]) -> Arrays:
    """The adjoint of stack: gradients in the framework's layout become gradients of refseq's parameters."""
    dW_ih, dW_hh, db_ih, db_hh = _unstacked(layer, d, order)
    result = {"W_hx" + part.suffix: dW_ih, "W_hh" + part.suffix: dW_hh}
    if not layer.bias:
        return result
    db = 2 * db_ih - db_hh
    for gate in layer.cell.separate:
        g = layer.cell.gates.index(gate)
        db[g], result[f"b_h{gate}{part.suffix}"] = db_ih[g], db_hh[g]
    return result | {"b_h" + part.suffix: db}


def unstack(layer: Layer, part: Part, given: Stacked, order: Sequence[str]) -> Arrays:
    """The layer that a framework's values make: a left inverse of stack, for any two biases."""
    W_ih, W_hh, b_ih, b_hh = _unstacked(layer, given, order)
    result = {"W_hx" + part.suffix: W_ih, "W_hh" + part.suffix: W_hh}
    if not layer.bias:
        return result
    b = b_ih + b_hh
    for gate in layer.cell.separate:
        g = layer.cell.gates.index(gate)
        b[g], result[f"b_h{gate}{part.suffix}"] = b_ih[g], b_hh[g]
    return result | {"b_h" + part.suffix: b}


def _unstacked(layer: Layer, given: Stacked, order: Sequence[str]) -> tuple[np.ndarray, ...]:
    """The four arrays with a gate axis in front, in refseq's order; zeros for biases that are not there."""
    gates, units = layer.cell.gates, layer.units
    back = [list(order).index(gate) for gate in gates]
    none = np.zeros(len(gates) * units, given.W_ih.dtype)
    biases = (none if b is None else b for b in (given.b_ih, given.b_hh))
    return (
        given.W_ih.reshape(len(gates), units, -1)[back],
        given.W_hh.reshape(len(gates), units, -1)[back],
        *(b.reshape(len(gates), units)[back] for b in biases),
    )
