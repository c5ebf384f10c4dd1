"""refseq: reference and verification suite for sequence models."""

import importlib
from typing import Any

from refseq.cells import catalogue
from refseq.layer import Gradients, Layer, Run, layer

__version__ = "0.1.0"

__all__ = ["Gradients", "Layer", "Run", "catalogue", "layer"]


def __getattr__(name: str) -> Any:
    """Packages that build on layers are imported when they are first asked for."""
    if name in ("adapters", "checks", "dynamics", "gradients"):
        return importlib.import_module(f"refseq.{name}")
    raise AttributeError(f"module 'refseq' has no attribute {name!r}")
