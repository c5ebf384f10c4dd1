"""refseq: reference and verification suite for sequence models."""

from refseq.cells import catalogue
from refseq.layer import Gradients, Layer, Run, layer

__version__ = "0.1.0"

__all__ = ["Gradients", "Layer", "Run", "catalogue", "layer"]
