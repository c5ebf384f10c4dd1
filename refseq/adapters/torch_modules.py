"""PyTorch's recurrent modules and the refseq layers that they should equal: RNN, LSTM, GRU and their cells."""

from typing import Any

import torch
from torch import nn

from refseq.adapters.adapter import no_framework_has
from refseq.cell import Cell
from refseq.cells import catalogue
from refseq.checks.implementation import NotOffered
from refseq.layer import Layer
from refseq.layer import layer as make_layer

CELLS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
LAYERS = (nn.RNN, nn.LSTM, nn.GRU)


def layer_of(module: nn.Module) -> Layer:
    """The refseq layer that a torch module should equal. Raises TypeError or ValueError as TorchImplementation does."""
    kind: Any = class_of(module)
    it: Any = module
    name = {nn.RNN: "elman", nn.RNNCell: "elman", nn.LSTM: "lstm", nn.LSTMCell: "lstm"}.get(kind, "gru")
    options: dict[str, Any] = {"bias": bool(it.bias)}
    if name == "elman":
        options["activation"] = it.nonlinearity
    if name == "gru":
        options["reset"] = "after"
    if kind in CELLS:
        return make_layer(name, it.input_size, it.hidden_size, **options)
    if it.dropout and it.training:
        raise ValueError(f"module: expected dropout 0 or eval(), got dropout {it.dropout} in training mode")
    options |= {"layers": it.num_layers, "bidirectional": it.bidirectional}
    options |= {"projection": it.proj_size} if it.proj_size else {}
    return make_layer(name, it.input_size, it.hidden_size, **options)


def torch_module(layer: Layer, *, batch_first: bool = False) -> nn.Module:
    """The torch module that should equal a refseq layer. Raises NotOffered where torch has none.

    Its values are drawn with a seed of their own; the state of torch's generator stays as it is.
    """
    no_framework_has(layer)
    sizes: dict[str, Any] = {"num_layers": layer.layers, "bidirectional": layer.bidirectional}
    sizes |= {"bias": layer.bias, "batch_first": batch_first}
    projection = dict(layer.own_sizes).get("projection", 0)
    kinds: dict[Cell, tuple[Any, dict[str, Any]]] = {
        catalogue()["elman"].cell(activation="tanh"): (nn.RNN, {"nonlinearity": "tanh"}),
        catalogue()["elman"].cell(activation="relu"): (nn.RNN, {"nonlinearity": "relu"}),
        catalogue()["lstm"].cell(): (nn.LSTM, {}),
        catalogue()["lstm"].cell(projection=1): (nn.LSTM, {"proj_size": projection}),
        catalogue()["gru"].cell(reset="after"): (nn.GRU, {}),
    }
    if layer.cell not in kinds:
        raise NotOffered(f"torch has no {layer.cell.label}; it has {', '.join(cell.label for cell in kinds)}")
    if projection >= layer.units:
        raise NotOffered(f"torch has a proj_size below hidden_size only, not {projection} for {layer.units} units")
    kind, options = kinds[layer.cell]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(layer.inputs, layer.units, **sizes, **options)


def class_of(module: object) -> type:
    """Which of torch's classes a module is, subclasses included."""
    for kind in (*LAYERS, *CELLS):
        if isinstance(module, kind):
            return kind
    names = ", ".join(kind.__name__ for kind in (*LAYERS, *CELLS))
    raise TypeError(f"module: expected one of torch.nn.{{{names}}}, got {type(module).__name__}")
