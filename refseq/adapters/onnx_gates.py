"""The tensors of ONNX's nodes for one part of a refseq layer, and back.

    refseq   lstm  i f g o     gru  r z n      w_ci w_cf w_co     lstm_coupled  f g o, i = 1 - f
    ONNX     LSTM  i o f c     GRU  z r h      P  i o f           input_forget  f = 1 - i

W (G*H, K), R (G*H, H), B (2*G*H) = Wb, Rb and P (3*H) of one direction.

The standard does not say which of two coupled gates is kept. Its first review has f = 1 - i and ignores the forget
gate's weights (onnx/onnx pull request 149); onnxruntime and nGraph do. 1 - sigmoid(a) = sigmoid(-a), so that the block
of i is refseq's block of f with the other sign. The block of f, which is to be ignored, is written like that of i: a
program that uses it, or leaves the gates uncoupled, gives other outputs.
"""

import numpy as np

from refseq.adapters.stacked_gates import Stacked, stack, unstack
from refseq.checks.implementation import Arrays
from refseq.layer import Layer
from refseq.networks.packing import Part

ORDERS = {
    "elman": ("h",),
    "lstm": ("i", "o", "f", "g"),
    "lstm_peephole": ("i", "o", "f", "g"),
    "lstm_coupled": ("f", "o", "g"),
    "lstm_peephole_coupled": ("f", "o", "g"),
    "gru": ("z", "r", "n"),
}
COUPLED = ("lstm_coupled", "lstm_peephole_coupled")


def node_tensors(layer: Layer, part: Part, params: Arrays) -> Arrays:
    """W, R, and B and P if the layer has them."""
    stacked = stack(layer, part, params, ORDERS[layer.cell.name])
    groups = {"W": [stacked.W_ih], "R": [stacked.W_hh]}
    groups["B"] = [bias for bias in (stacked.b_ih, stacked.b_hh) if bias is not None]
    peepholes = [params[name] for name in _peepholes(layer, part)]
    groups["P"] = [np.concatenate(peepholes)] if peepholes else []
    if layer.cell.name in COUPLED:
        groups = {formal: [_couple(value, layer.units) for value in values] for formal, values in groups.items()}
    return {formal: np.concatenate(values) for formal, values in groups.items() if values}


def layer_parameters(layer: Layer, part: Part, tensors: Arrays) -> Arrays:
    """refseq's parameters: a left inverse of node_tensors."""
    groups = {formal: np.split(value, 2) if formal == "B" else [value] for formal, value in tensors.items()}
    if layer.cell.name in COUPLED:
        groups = {formal: [_uncouple(value, layer.units) for value in values] for formal, values in groups.items()}
    matrices = Stacked(*groups["W"], *groups["R"], *groups.get("B", ()))
    params = unstack(layer, part, matrices, ORDERS[layer.cell.name])
    names = _peepholes(layer, part)
    for value in groups.get("P", ()):
        params |= {name: w.copy() for name, w in zip(names, np.split(value, len(names)), strict=True)}
    return params


def _peepholes(layer: Layer, part: Part) -> list[str]:
    """The peepholes' names in ONNX's order."""
    return [f"w_c{gate}{part.suffix}" for gate in ORDERS[layer.cell.name] if f"w_c{gate}" in layer.cell.own]


def _couple(value: np.ndarray, units: int) -> np.ndarray:
    """Blocks f, o, rest become i, o, f, rest."""
    f, o, rest = np.split(value, [units, 2 * units])
    return np.concatenate([-f, o, -f, rest])


def _uncouple(value: np.ndarray, units: int) -> np.ndarray:
    """Blocks i, o, f, rest become f, o, rest."""
    i, o, _, rest = np.split(value, [units, 2 * units, 3 * units])
    return np.concatenate([-i, o, rest])
