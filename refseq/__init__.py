"""refseq: reference and verification suite for sequence models."""

import importlib
from typing import Any

from refseq.cells import catalogue
from refseq.layer import Gradients, Layer, Run, layer
from refseq.stack import Stack, stack

__version__ = "0.1.0"

__all__ = ["Gradients", "Layer", "Run", "Stack", "catalogue", "layer", "stack"]

_LATER = ("adapters", "checks", "clipping", "dynamics", "gradients", "losses", "optimisers", "training")


def __getattr__(name: str) -> Any:
    """Parts that a layer does not need are imported when they are first asked for."""
    if name in _LATER:
        return importlib.import_module(f"refseq.{name}")
    raise AttributeError(f"module 'refseq' has no attribute {name!r}")
