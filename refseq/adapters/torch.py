"""PyTorch's recurrent modules as implementations to be judged: RNN, LSTM, GRU and their cells.

The gates have refseq's order, nn.GRU resets after the recurrent product, and nn.LSTM may have a projection (proj_size).
Lengths go through packed sequences; gradients through autograd.
"""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from refseq.adapters.adapter import Adapter
from refseq.adapters.stacked_gates import Stacked, stack, stack_transpose, unstack
from refseq.adapters.torch_modules import CELLS, LAYERS, class_of, layer_of, torch_module
from refseq.checks.implementation import Arrays
from refseq.layer import Layer
from refseq.networks.packing import Part

KINDS = {"W_ih": "weight_ih", "W_hh": "weight_hh", "b_ih": "bias_ih", "b_hh": "bias_hh", "W_hr": "weight_hr"}


class TorchImplementation(Adapter):
    """A torch module, judged with the parameters that the caller gives.

    ``layer`` is the refseq layer that the module should equal. The module is copied and never changed, and runs on its
    own device: forward without a gradient, as inference does, and vjp with one (torch takes different kernels).

    Raises TypeError if the module is none of RNN, LSTM, GRU, RNNCell, LSTMCell, GRUCell; ValueError for dropout in
    training mode, and for parameters that are not under the usual names.
    """

    layer: Layer

    def __init__(self, module: nn.Module) -> None:
        self.kind = class_of(module)
        super().__init__(layer_of(module), f"torch {torch.__version__} nn.{self.kind.__name__}")
        expected = {name for part in self.layer.parts for name in self._part_names(part).values()}
        found = {name for name, _ in module.named_parameters()}
        if found != expected:
            raise ValueError(f"module: expected the parameters {sorted(expected)}, got {sorted(found)}")
        self.module = copy.deepcopy(module).train().requires_grad_(True)  # cuDNN's backward wants training mode
        self.module.zero_grad(set_to_none=True)
        if isinstance(self.module, LAYERS):
            self.module.dropout = 0.0

    def parameters(self) -> Arrays:
        """The module's own values in refseq's layout; b_h is the sum of the two biases."""
        values = {name: value.detach().cpu().numpy() for name, value in self.module.named_parameters()}
        result: Arrays = {}
        for part in self.layer.parts:
            stacked = Stacked(**{kind: values[name] for kind, name in self._part_names(part).items()})
            result |= unstack(self.layer, part, stacked, self.layer.cell.gates)
        return result

    def run(
        self, params: Arrays, x: np.ndarray, state: Arrays, lengths: np.ndarray | None
    ) -> tuple[np.ndarray, Arrays]:
        """See ``Adapter.run``."""
        module = self.loaded(params)
        with torch.no_grad(), _quiet():
            y, final = _call(module, self._tensor(x), [self._tensor(s) for s in state.values()], lengths)
        return y.cpu().numpy(), {n: s.cpu().numpy() for n, s in zip(state, final, strict=True)}

    def pull(
        self, params: Arrays, x: np.ndarray, state: Arrays, lengths: np.ndarray | None, dy: np.ndarray, dstate: Arrays
    ) -> tuple[Arrays, np.ndarray, Arrays]:
        """See ``Adapter.pull``."""
        module = self.loaded(params)
        inputs = [self._tensor(value).requires_grad_(True) for value in (x, *state.values())]
        with torch.enable_grad(), _quiet():
            y, final = _call(module, inputs[0], inputs[1:], lengths)
        weights = dict(module.named_parameters())
        cotangents = [self._tensor(value) for value in (dy, *dstate.values())]
        grads = torch.autograd.grad([y, *final], [*inputs, *weights.values()], cotangents, materialize_grads=True)
        dx, *rest = (grad.cpu().numpy() for grad in grads)
        by_name = dict(zip(weights, rest[len(state) :], strict=True))
        return self.gradients(by_name), dx, dict(zip(state, rest[: len(state)], strict=True))

    def gradients(self, by_name: Arrays) -> Arrays:
        """Gradients of refseq's parameters from those of the module's, by torch's names."""
        dparams: Arrays = {}
        for part in self.layer.parts:
            d = Stacked(**{kind: by_name[name] for kind, name in self._part_names(part).items()})
            dparams |= stack_transpose(self.layer, part, d, self.layer.cell.gates)
        return dparams

    def loaded(self, params: Arrays) -> nn.Module:
        """A fresh copy of the module with these parameters and their dtype."""
        module = copy.deepcopy(self.module).to(self._tensor(next(iter(params.values()))).dtype)
        weights = dict(module.named_parameters())
        with torch.no_grad():
            for part in self.layer.parts:
                stacked = stack(self.layer, part, params, self.layer.cell.gates).arrays()
                for kind, name in self._part_names(part).items():
                    weights[name].copy_(self._tensor(stacked[kind]))
        return module

    def _tensor(self, value: np.ndarray) -> torch.Tensor:
        return torch.tensor(value, device=next(self.module.parameters()).device)

    def _part_names(self, part: Part) -> dict[str, str]:
        """What torch calls the arrays of ``Stacked`` that one part has."""
        suffix = "" if self.kind in CELLS else f"_l{part.layer}" + "_reverse" * part.reverse
        projected = "W_hm" in self.layer.cell.layout.matrices
        kinds = ["W_ih", "W_hh", *["b_ih", "b_hh"] * self.layer.bias, *["W_hr"] * projected]
        return {kind: KINDS[kind] + suffix for kind in kinds}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's notice that a projection runs on its own kernels: it is no finding where warnings are errors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
        yield


def _call(
    module: Any, x: torch.Tensor, state: list[torch.Tensor], lengths: np.ndarray | None
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Outputs (T, B, D*H) and final states, (L*D, B, H), of x (T, B, I)."""
    if isinstance(module, CELLS):
        return _call_cell(module, x, state, lengths)
    first = module.batch_first
    x = x.transpose(0, 1) if first else x
    initial = tuple(state) if isinstance(module, nn.LSTM) else state[0]
    if lengths is None:
        y, final = module(x, initial)
    else:
        packed = pack_padded_sequence(x, torch.as_tensor(lengths), batch_first=first, enforce_sorted=False)
        out, final = module(packed, initial)
        y, _ = pad_packed_sequence(out, batch_first=first, total_length=x.shape[1 if first else 0])
    y = y.transpose(0, 1) if first else y
    return y, list(final) if isinstance(module, nn.LSTM) else [final]


def _call_cell(
    module: Any, x: torch.Tensor, state: list[torch.Tensor], lengths: np.ndarray | None
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """A cell is one step: the loop over time is the adapter's, and a row takes part while it has steps."""
    current, outputs = [s[0] for s in state], []
    for t in range(len(x)):
        rows = torch.arange(x.shape[1]) if lengths is None else torch.as_tensor(np.flatnonzero(lengths > t))
        rows = rows.to(x.device)
        old = tuple(s[rows] for s in current)
        new = module(x[t, rows], old if isinstance(module, nn.LSTMCell) else old[0])
        new = new if isinstance(module, nn.LSTMCell) else (new,)
        outputs.append(torch.zeros_like(current[0]).index_copy(0, rows, new[0]))
        current = [s.index_copy(0, rows, n) for s, n in zip(current, new, strict=True)]
    return torch.stack(outputs), [s[None] for s in current]


def implementation(layer: Layer) -> TorchImplementation:
    """torch's own layer that should equal a refseq layer. Raises NotOffered where torch has none."""
    return TorchImplementation(torch_module(layer))
