"""torch without a layer: a GRU with the reset gate before the recurrent product, as a loop of Python over time.

torch has no such layer, and this is what its user would write: the products of the inputs for all times at once, then
one step after another. It bears the name torch-loop, so that nobody takes it for torch's own layer.
"""

from collections.abc import Mapping
from typing import Any

from refseq.bench.cases import Arrays, Case, LayerCase, named_gradients, named_run
from refseq.bench.libraries.library import Pass
from refseq.bench.libraries.torch import Torch
from refseq.cells import catalogue
from refseq.checks.implementation import NotOffered


class TorchLoop(Torch):
    """torch's operations and autograd, the loop in Python."""

    name = "torch-loop"

    def fits(self, case: Case) -> bool:
        """The GRU that torch has no layer for."""
        return isinstance(case, LayerCase) and case.layer.cell is catalogue()["gru"].cell(reset="before")

    def prepare(self, case: Case, inputs: Any) -> Mapping[str, Pass]:
        """See ``Library``."""
        import torch

        if not isinstance(case, LayerCase) or not self.fits(case):
            raise NotOffered("torch-loop is gru(reset=before) alone")
        units = case.shape.H
        order = [case.layer.cell.gates.index(gate) for gate in ("z", "r", "n")]
        tensors = {name: torch.tensor(value) for name, value in inputs.params.items()}
        x, h0, dy = (torch.tensor(value) for value in (inputs.x, inputs.state["h"], inputs.dy))

        def run(p: Mapping[str, Any], x: Any, h0: Any) -> Any:
            W, U, b = p["W_hx"][order].reshape(3 * units, -1), p["W_hh"][order], p["b_h"][order].reshape(-1)
            outside = torch.nn.functional.linear(x, W, b)
            gates, candidate = U[:2].reshape(2 * units, units).T, U[2].T
            h, outputs = h0[0], []
            for now in outside:
                z, r = torch.sigmoid(torch.addmm(now[:, : 2 * units], h, gates)).chunk(2, dim=1)
                n = torch.tanh(torch.addmm(now[:, 2 * units :], r * h, candidate))
                h = torch.lerp(n, h, z)
                outputs.append(h)
            return torch.stack(outputs), h[None]

        leaves = {name: value.clone().requires_grad_(True) for name, value in tensors.items()}
        x_leaf, h_leaf = x.clone().requires_grad_(True), h0.clone().requires_grad_(True)

        def forward() -> Any:
            with torch.inference_mode():
                return run(tensors, x, h0)

        def both() -> Any:
            for tensor in (*leaves.values(), x_leaf, h_leaf):
                tensor.grad = None
            y, final = run(leaves, x_leaf, h_leaf)
            y.backward(dy)
            return y, final

        def read_run(result: Any) -> Arrays:
            y, final = (value.detach().numpy() for value in result)
            return named_run(y, {"h": final})

        def read(result: Any) -> Arrays:
            grads = {name: _grad(tensor) for name, tensor in leaves.items()}
            return read_run(result) | named_gradients(grads, _grad(x_leaf), {"h": _grad(h_leaf)})

        return {"forward": Pass(forward, read_run), "both": Pass(both, read)}


def _grad(tensor: Any) -> Any:
    return tensor.grad.numpy()
