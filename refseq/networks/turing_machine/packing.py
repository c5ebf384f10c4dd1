"""The parameters of a Turing machine by name, and as the rows want them."""

import numpy as np

from refseq.arrays import contiguous, zeros
from refseq.networks.packing import Part
from refseq.networks.turing_machine.passes import Plan, Weights
from refseq.targets import Weights as Packed

Arrays = dict[str, np.ndarray]


def pack(part: Part, params: Arrays, plan: Plan, epsilon: np.ndarray) -> Weights:
    """Every matrix operand-major; of the heads, one for all: those that read have no use for its last columns."""
    own = part.pack(params)
    W0, *recurrent = [contiguous(matrix) for matrix in own.matrices]
    W1 = recurrent[0] if recurrent else zeros((1, *W0.shape[1:]), W0)  # never read by a controller without one
    heads, numbers = plan.reads + plan.writes, params["W_write"].shape[1]
    U = zeros((W0.shape[2], heads, numbers), epsilon)
    ub = zeros((heads, numbers), epsilon)
    for name, rows in _rows(plan):
        count = params[f"b_{name}"].shape[1]
        U[:, rows, :count] = params[f"W_{name}"].transpose(2, 0, 1)
        ub[rows, :count] = params[f"b_{name}"]
    outputs = params["b_y"].shape[1]
    Yr = params["W_yr"].transpose(0, 2, 1).reshape(-1, 1, outputs)
    Yh = params["W_yh"].transpose(2, 0, 1)
    return Weights(W0, W1, own.biases[0], U, ub, contiguous(Yh), contiguous(Yr), params["b_y"], epsilon)


def unpack(part: Part, weights: Weights, plan: Plan) -> Arrays:
    """The adjoint of pack, for gradients."""
    matrices = (weights.W0, weights.W1)[: len(part.matrix_names)]
    found = part.unpack(Packed(matrices, (weights.bias,), weights.W0[0]))
    short = weights.ub.shape[1] - 2 * (len(weights.Yr) // plan.reads)
    for name, rows in _rows(plan):
        count = short if name == "read" else weights.ub.shape[1]
        found[f"W_{name}"] = contiguous(weights.U[:, rows, :count].transpose(1, 2, 0))
        found[f"b_{name}"] = contiguous(weights.ub[rows, :count])
    _, _, outputs = weights.Yr.shape
    by_head = weights.Yr.reshape(plan.reads, -1, outputs)
    found["W_yh"] = contiguous(weights.Yh.transpose(1, 2, 0))
    found["W_yr"] = contiguous(by_head.transpose(0, 2, 1))
    found["b_y"] = weights.yb.copy()
    return found


def _rows(plan: Plan) -> tuple[tuple[str, slice], ...]:
    """Which heads read, and which write."""
    return ("read", slice(0, plan.reads)), ("write", slice(plan.reads, plan.reads + plan.writes))
