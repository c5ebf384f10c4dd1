"""The layout that frameworks share: the gates of one layer and direction stacked in matrices, and two biases.

    refseq      W_hx (G, H, K), W_hh (G, H, P), W_hm (1, P, H), b_h (G, H), and for gru(reset="after") b_hn (H,)
    framework   W_ih (G*H, K),  W_hh (G*H, P),  W_hr (P, H),    b_ih (G*H,), b_hh (G*H,), in its own order of the gates

P, the entries of h, is H unless the layer has a projection, W_hm.

A framework adds both biases where refseq has one. b is split into b_ih = 2b and b_hh = -b: their sum is exactly b in
every float format, and they differ, so that a bias which is dropped or taken twice changes the outputs. The gradient
comes back through the transpose, db = 2 db_ih - db_hh, which is db only if both are right. Where the recurrent bias
acts alone (a gate whose recurrent product is not added: GRU's n with the reset gate after the product) it is not split:
b_ih = b_h, b_hh = b_hn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refseq.cell import Cell
from refseq.checks.implementation import Arrays
from refseq.layer import Layer
from refseq.networks.packing import Part


@dataclass(frozen=True)
class Stacked:
    """One layer in one direction as a framework has it; None for what the layer does not have."""

    W_ih: np.ndarray
    W_hh: np.ndarray
    b_ih: np.ndarray | None = None
    b_hh: np.ndarray | None = None
    W_hr: np.ndarray | None = None

    def arrays(self) -> Arrays:
        """Those that there are, by their names."""
        return {name: value for name, value in vars(self).items() if value is not None}


def separate(cell: Cell) -> dict[int, str]:
    """The gates whose recurrent product is a pre-activation of its own: their places, and the name of its bias."""
    return {at: f"b_h{gate}" for at, gate in enumerate(cell.gates) if f"{gate}_h" in cell.layout.slots}


def stack(layer: Layer, part: Part, params: Arrays, order: Sequence[str]) -> Stacked:
    """refseq's parameters of one part in the framework's layout, gates in ``order``."""
    at = [layer.cell.gates.index(gate) for gate in order]
    W_ih, W_hh = (np.concatenate(params[name + part.suffix][at]) for name in ("W_hx", "W_hh"))
    W_hr = params["W_hm" + part.suffix][0] if "W_hm" in layer.cell.layout.matrices else None
    if not layer.bias:
        return Stacked(W_ih, W_hh, W_hr=W_hr)
    b = params["b_h" + part.suffix]
    b_ih, b_hh = 2 * b, -b
    for g, name in separate(layer.cell).items():
        b_ih[g], b_hh[g] = b[g], params[name + part.suffix]
    return Stacked(W_ih, W_hh, np.concatenate(b_ih[at]), np.concatenate(b_hh[at]), W_hr)


def stack_transpose(layer: Layer, part: Part, d: Stacked, order: Sequence[str]) -> Arrays:
    """The adjoint of stack: gradients in the framework's layout become gradients of refseq's parameters."""
    result, db_ih, db_hh = _unstacked(layer, part, d, order)
    if not layer.bias:
        return result
    db = 2 * db_ih - db_hh
    for g, name in separate(layer.cell).items():
        db[g], result[name + part.suffix] = db_ih[g], db_hh[g]
    return result | {"b_h" + part.suffix: db}


def unstack(layer: Layer, part: Part, given: Stacked, order: Sequence[str]) -> Arrays:
    """The layer that a framework's values make: a left inverse of stack, for any two biases."""
    result, b_ih, b_hh = _unstacked(layer, part, given, order)
    if not layer.bias:
        return result
    b = b_ih + b_hh
    for g, name in separate(layer.cell).items():
        b[g], result[name + part.suffix] = b_ih[g], b_hh[g]
    return result | {"b_h" + part.suffix: b}


def _unstacked(layer: Layer, part: Part, given: Stacked, order: Sequence[str]) -> tuple[Arrays, np.ndarray, np.ndarray]:
    """The matrices under refseq's names, and both biases (G, H) in refseq's order, zeros if they are not there."""
    gates, units = layer.cell.gates, layer.units
    back = [list(order).index(gate) for gate in gates]
    none = np.zeros(len(gates) * units, given.W_ih.dtype)
    b_ih, b_hh = ((none if b is None else b).reshape(len(gates), units)[back] for b in (given.b_ih, given.b_hh))
    matrices = {
        "W_hx" + part.suffix: given.W_ih.reshape(len(gates), units, -1)[back],
        "W_hh" + part.suffix: given.W_hh.reshape(len(gates), units, -1)[back],
    }
    projection = {} if given.W_hr is None else {"W_hm" + part.suffix: given.W_hr[None].copy()}
    return matrices | projection, b_ih, b_hh
