"""refseq: reference and verification suite for sequence models."""

import importlib
from typing import Any

from refseq.attention import Attention, attention
from refseq.bound import Bound
from refseq.cells import catalogue
from refseq.graph_layer import GraphLayer, graph_layer
from refseq.layer import Gradients, Layer, Run, layer
from refseq.self_attention import SelfAttention, self_attention
from refseq.stack import Stack, stack
from refseq.tree_layer import TreeLayer, tree_layer

__version__ = "0.1.0"

__all__ = [
    "Attention",
    "Bound",
    "Gradients",
    "GraphLayer",
    "Layer",
    "Run",
    "SelfAttention",
    "Stack",
    "TreeLayer",
    "attention",
    "catalogue",
    "graph_layer",
    "layer",
    "self_attention",
    "stack",
    "tree_layer",
]

_LATER = (
    *("adapters", "checks", "clipping", "decoding", "dynamics", "gradients", "losses", "markov", "optimisers"),
    *("seq2seq", "training", "trees"),
)


def __getattr__(name: str) -> Any:
    """Parts that a layer does not need are imported when they are first asked for."""
    if name in _LATER:
        return importlib.import_module(f"refseq.{name}")
    raise AttributeError(f"module 'refseq' has no attribute {name!r}")
