"""The RNN, LSTM and GRU nodes of ONNX read into refseq: layer, parameters, and the node's own inputs and outputs.

W (D, G*H, I), R (D, G*H, H), B (D, 2*G*H), P (D, 3*H); X (T, B, I), or (B, T, I) with layout=1, which turns the states
(D, B, H) too. See ``onnx_attributes`` for the cells and ``onnx_gates`` for the order of the gates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq.adapters.onnx_attributes import read
from refseq.adapters.onnx_gates import layer_parameters
from refseq.arrays import zeros
from refseq.checks.implementation import Arrays
from refseq.layer import Layer
from refseq.layer import layer as make_layer

INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
OUTPUTS = ("Y", "Y_h", "Y_c")
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


@dataclass(frozen=True)
class ImportedNode:
    """A node as a refseq layer with parameters. A node that only runs in reverse is the reverse half of a bidirectional
    layer, whose forward half has zero parameters and is left out of the outputs."""

    layer: Layer
    params: Arrays
    reverse_only: bool
    layout: int
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    def run(self, tensors: Mapping[str, np.ndarray], target: str = "cpu") -> Arrays:
        """The node's outputs by their names in the graph, from tensors by their names in the graph.

        Raises ValueError if an input of the node is missing, and as ``Layer.forward`` does.
        """
        missing = [name for name in self.inputs.values() if name not in tensors]
        if missing:
            raise ValueError(f"tensors: expected the node's inputs {list(self.inputs.values())}, missing {missing}")
        given = {formal: tensors[name] for formal, name in self.inputs.items()}
        x = self._turned(given["X"])
        steps, rows, _ = x.shape
        state: Arrays = {}
        for n in self.layer.cell.state:
            none = zeros(self.layer.state_shape(rows), x)
            state[n] = self._padded(self._turned(given[f"initial_{n}"])) if f"initial_{n}" in given else none
        run = self.layer.forward(self.params, x, state, given.get("sequence_lens"), target=target)
        directions = self.layer.directions
        y = run.y.reshape(steps, rows, directions, self.layer.units).transpose(0, 2, 1, 3)
        results = {"Y": self._kept(y, 1)} | {f"Y_{n}": self._kept(s, 0) for n, s in run.state.items()}
        if self.layout:
            results = {n: v.transpose((2, 0, 1, 3) if n == "Y" else (1, 0, 2)) for n, v in results.items()}
        return {self.outputs[formal]: value for formal, value in results.items() if formal in self.outputs}

    def _turned(self, value: np.ndarray) -> np.ndarray:
        """X (T, B, I) or a state (D, B, H), time or direction first, from either layout."""
        return value.swapaxes(0, 1) if self.layout else value

    def _padded(self, state: np.ndarray) -> np.ndarray:
        """A state with a row for the forward half that the node does not have."""
        return np.concatenate([zeros(state.shape, state), state]) if self.reverse_only else state

    def _kept(self, value: np.ndarray, axis: int) -> np.ndarray:
        """The directions that the node has."""
        return value.take([1], axis) if self.reverse_only else value


def import_node(node: Any, tensors: Mapping[str, np.ndarray]) -> ImportedNode:
    """Read an ONNX RNN, LSTM or GRU node (a NodeProto); ``tensors`` has W, R, B and P by their names in the graph.

    Raises ValueError for another operator, a direction that does not exist, or tensors that are missing or do not fit;
    NotOffered for what refseq has no layer for: clip, other activations, other activations in the other direction.
    """
    if node.op_type not in GATES:
        raise ValueError(f"node: expected an operator of {', '.join(GATES)}; got {node.op_type}")
    attributes = _attributes(node)
    inputs = {formal: name for formal, name in zip(INPUTS, node.input, strict=False) if name}
    direction = attributes.get("direction", "forward")
    if direction not in ("forward", "reverse", "bidirectional"):
        raise ValueError(f"direction: expected forward, reverse or bidirectional; got {direction!r}")
    directions = 2 if direction == "bidirectional" else 1
    name, options = read(node.op_type, attributes, directions, "P" in inputs)
    weights = _weights(inputs, tensors, directions, GATES[node.op_type])
    sizes, both = (weights["W"].shape[2], weights["R"].shape[2]), direction != "forward"
    layer = make_layer(name, *sizes, bidirectional=both, bias="B" in weights, **options)
    params: Arrays = {name: zeros(shape, weights["W"]) for name, shape in layer.shapes.items()}
    for d, part in enumerate(layer.parts[1:] if direction == "reverse" else layer.parts):
        params |= layer_parameters(layer, part, {formal: value[d] for formal, value in weights.items()})
    outputs = {formal: name for formal, name in zip(OUTPUTS, node.output, strict=False) if name}
    return ImportedNode(layer, params, direction == "reverse", attributes.get("layout", 0), inputs, outputs)


def _weights(inputs: Mapping[str, str], tensors: Mapping[str, np.ndarray], directions: int, gates: int) -> Arrays:
    """W, R and, if the node has them, B and P. Raises ValueError if one is missing or does not fit the others."""
    found: Arrays = {}
    for formal in ("W", "R", "B", "P"):
        if formal in inputs and inputs[formal] not in tensors:
            raise ValueError(f"tensors: expected {formal} under the name {inputs[formal]!r}, got {sorted(tensors)}")
        if formal in inputs:
            found[formal] = tensors[inputs[formal]]
    sizes, units = found["W"].shape[-1], found["R"].shape[-1]
    width = gates * units
    expected = {"W": (directions, width, sizes), "R": (directions, width, units)}
    expected |= {"B": (directions, 2 * width), "P": (directions, 3 * units)}
    for formal, value in found.items():
        if value.shape != expected[formal]:
            raise ValueError(f"tensors: expected {formal} of shape {expected[formal]}, got {value.shape}")
    return found


def _attributes(node: Any) -> dict[str, Any]:
    """The node's attributes with strings as text."""
    from onnx.helper import get_attribute_value

    values = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
    return {name: _text(value) for name, value in values.items()}


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return [_text(item) for item in value] if isinstance(value, (list, tuple)) else value
