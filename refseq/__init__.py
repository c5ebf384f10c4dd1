"""refseq: reference and verification suite for sequence models."""

import importlib
from typing import Any

from refseq.attention import Attention, attention
from refseq.bound import Bound
from refseq.cells import catalogue
from refseq.graph_layer import GraphLayer, graph_layer
from refseq.hard_memory_network import HardMemoryNetwork, hard_memory_network
from refseq.layer import Gradients, Layer, Run, layer
from refseq.memory_network import MemoryNetwork, memory_network
from refseq.recall import recall
from refseq.self_attention import SelfAttention, self_attention
from refseq.stack import Stack, stack
from refseq.tree_layer import TreeLayer, tree_layer
from refseq.turing_machine import TuringMachine, turing_machine

__version__ = "0.1.0"

__all__ = [
    "Attention",
    "Bound",
    "Gradients",
    "GraphLayer",
    "HardMemoryNetwork",
    "Layer",
    "MemoryNetwork",
    "Run",
    "SelfAttention",
    "Stack",
    "TreeLayer",
    "TuringMachine",
    "attention",
    "catalogue",
    "graph_layer",
    "hard_memory_network",
    "layer",
    "memory_network",
    "recall",
    "self_attention",
    "stack",
    "tree_layer",
    "turing_machine",
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
