"""The package flashrnn (NX-AI), if it is installed: its fused kernels, one head.

It takes W x + b ready-made, so the product of x, by torch.matmul, is part of the timed call as it is of the others'.
Wx (B, T, G, N, D), R (G, N, D, D), b (G, N, D), states (S, B, 1, N, D), with gates i, f, z, o; which of the last two
axes of R is the operand's is not documented: both are tried, and the results decide.
"""

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np

from cuda_kernels.bench.cases import DeviceCase
from cuda_kernels.bench.peers import host, setting, torch_device
from refseq.bench.cases import Arrays, named_gradients, named_run
from refseq.bench.libraries import Pass
from refseq.checks.implementation import NotOffered


class Flash:
    """flashrnn's LSTM."""

    name = "flashrnn"

    def __init__(self, across: bool) -> None:
        self.across = across
        self.name = f"flashrnn{' (R transposed)' * across}"

    def missing(self) -> str | None:
        """Why it cannot run."""
        if importlib.util.find_spec("flashrnn") is None:
            return "flashrnn is not installed"
        return None if torch_device()[1] == "cuda" else "torch finds no CUDA device"

    def version(self) -> str:
        """The package's."""
        return importlib.metadata.version("flashrnn")

    def prepare(self, case: DeviceCase) -> Mapping[str, Pass]:
        """See the module's text. Raises NotOffered for what it is not asked here."""
        if case.layer.recurrence != "lstm" or case.packed or case.precision not in ("tf32", "bfloat16", "float16"):
            raise NotOffered("flashrnn is timed for the LSTM in tf32, bfloat16 and float16, without lengths")
        from flashrnn import flashrnn  # type: ignore[import-not-found]

        torch, place = torch_device()
        dtype, tf32 = setting(torch, case.precision)
        given, H = case.inputs, case.layer.shape.H
        W_hh = given.params["W_hh"]
        arrays = {
            "W_hx": given.params["W_hx"].reshape(4 * H, -1),
            "W_hh": (W_hh.transpose(0, 2, 1) if self.across else W_hh)[:, None],
            "b_h": given.params["b_h"][:, None],
            "x": given.x.transpose(1, 0, 2),
            "state": np.stack([a[0] for a in given.state.values()])[:, :, None, None],
        }
        leaves = {n: torch.tensor(np.ascontiguousarray(a)).to(place, dtype).requires_grad_() for n, a in arrays.items()}
        dy = torch.tensor(np.ascontiguousarray(given.dy.transpose(1, 0, 2))).to(place, dtype)

        def run() -> Any:
            torch.backends.cuda.matmul.allow_tf32 = tf32
            B, T, _ = leaves["x"].shape
            Wx = (leaves["x"] @ leaves["W_hx"].T).reshape(B, T, 4, 1, H)
            return flashrnn(
                Wx, leaves["W_hh"], leaves["b_h"], states=leaves["state"], function="lstm", backend="cuda_fused"
            )

        def forward() -> Any:
            with torch.no_grad():
                return run()

        def both() -> Any:
            for leaf in leaves.values():
                leaf.grad = None
            states, last = run()
            states[0, :, :, 0].backward(dy)
            return states, last

        def read_run(result: Any) -> Arrays:
            states, last = map(host, result)
            final = {name: last[k].reshape(1, -1, H) for k, name in enumerate(given.state)}
            return named_run(states[0, :, :, 0].transpose(1, 0, 2), final)

        def read(result: Any) -> Arrays:
            grads = {name: host(leaf.grad) for name, leaf in leaves.items()}
            dR = grads["W_hh"][:, 0]
            dparams = {
                "W_hx": grads["W_hx"].reshape(given.params["W_hx"].shape),
                "W_hh": dR.transpose(0, 2, 1) if self.across else dR,
                "b_h": grads["b_h"][:, 0],
            }
            dstate = {name: grads["state"][k].reshape(1, -1, H) for k, name in enumerate(given.state)}
            return read_run(result) | named_gradients(dparams, grads["x"].transpose(1, 0, 2), dstate)

        return {"forward": Pass(forward, read_run), "both": Pass(both, read)}
