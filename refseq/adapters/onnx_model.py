"""refseq's layers as ONNX models.

A stack is a chain of nodes: the output Y (T, D, B, H) of one is transposed and reshaped to the X (T, B, D*H) of the
next; states (L*D, B, H) are split along the first axis into one initial state for each node.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from refseq.adapters.adapter import no_framework_has
from refseq.adapters.onnx_attributes import operator, write
from refseq.adapters.onnx_gates import node_tensors
from refseq.checks.implementation import Arrays
from refseq.layer import Layer

OPSET = 14  # the first with `layout`; every runtime that is still in use reads it
IR_VERSION = 8


def onnx_model(layer: Layer, params: Arrays, *, lengths: bool = False) -> onnx.ModelProto:
    """A refseq layer with its parameters as an ONNX model.

    Inputs x (T, B, I), a state h0 (and c0) of (L*D, B, H), and with ``lengths`` an int32 input lengths (B,); outputs
    y (T, B, D*H), h (and c) of (L*D, B, H). Raises NotOffered for a cell that ONNX has no operator for.
    """
    no_framework_has(layer)
    attributes = write(layer)
    D, L, states = layer.directions, layer.layers, layer.cell.state
    constants = {"y_shape": np.array([0, 0, D * layer.units]), "state_rows": np.full(L, D)}
    nodes = []
    for name in states if L > 1 else ():
        nodes.append(helper.make_node("Split", [f"{name}0", "state_rows"], [f"{name}0_l{i}" for i in range(L)], axis=0))
    x = "x"
    for level in range(L):
        suffix = f"_l{level}" if L > 1 else ""
        tensors = _node_tensors(layer, params, level)
        constants |= {f"{formal}_l{level}": value for formal, value in tensors.items()}
        inputs = [x, f"W_l{level}", f"R_l{level}", f"B_l{level}" if layer.bias else "", "lengths" if lengths else ""]
        inputs += [f"{name}0{suffix}" for name in states] + [f"P_l{level}"] * ("P" in tensors)
        outputs = [f"Y_l{level}", *(f"{name}{suffix}" for name in states)]
        nodes.append(helper.make_node(operator(layer), inputs, outputs, name=f"layer{level}", **attributes))
        nodes.append(helper.make_node("Transpose", [f"Y_l{level}"], [f"Yt_l{level}"], perm=[0, 2, 1, 3]))
        x = "y" if level == L - 1 else f"x_l{level + 1}"
        nodes.append(helper.make_node("Reshape", [f"Yt_l{level}", "y_shape"], [x]))
    for name in states if L > 1 else ():
        nodes.append(helper.make_node("Concat", [f"{name}_l{i}" for i in range(L)], [name], axis=0))

    element = helper.np_dtype_to_tensor_dtype(next(iter(params.values())).dtype)
    shape = (L * D, "B", layer.units)
    takes = [helper.make_tensor_value_info("x", element, ("T", "B", layer.inputs))]
    takes += [helper.make_tensor_value_info(f"{name}0", element, shape) for name in states]
    takes += [helper.make_tensor_value_info("lengths", TensorProto.INT32, ("B",))] * lengths
    gives = [helper.make_tensor_value_info("y", element, ("T", "B", D * layer.units))]
    gives += [helper.make_tensor_value_info(name, element, shape) for name in states]
    used = {name for node in nodes for name in node.input}
    initialisers = [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used]
    graph = helper.make_graph(nodes, "refseq", takes, gives, initialisers, doc_string=str(layer))
    return helper.make_model(
        graph, producer_name="refseq", ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )


def _node_tensors(layer: Layer, params: Arrays, level: int) -> Arrays:
    """W (D, G*H, K), R (D, G*H, H), B (D, 2*G*H) and P (D, 3*H) of one layer of the stack."""
    parts = [node_tensors(layer, part, params) for part in layer.parts if part.layer == level]
    return {formal: np.stack([part[formal] for part in parts]) for formal in parts[0]}
