"""Other people's recurrent layers as implementations that refseq can judge; nothing here imports a framework.

``PEERS`` are the frameworks that have a layer of their own to stand beside refseq's:

    for peer in PEERS.values():
        print(peer.name, peer.missing() or peer.build(layer).name)

One module for each: ``refseq.adapters.torch`` (also for the user's own modules), ``onnx``, ``onnx_cases``, ``jax``.
"""

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from refseq.checks.implementation import Implementation
from refseq.layer import Layer


@dataclass(frozen=True)
class Peer:
    """A framework: its name, what it needs installed, the extra of refseq that installs it, and its adapter's place."""

    name: str
    packages: tuple[str, ...]
    extra: str
    module: str
    function: str

    def missing(self) -> str | None:
        """None if it is installed, else which packages are not and the command that installs them."""
        absent = [package for package in self.packages if importlib.util.find_spec(package) is None]
        if not absent:
            return None
        return f"{' and '.join(absent)} not installed: pip install 'refseq[{self.extra}]'"

    def build(self, layer: Layer) -> Implementation:
        """The framework's layer that should equal ``layer``.

        Raises RuntimeError if it is not installed, NotOffered if the framework has no such layer.
        """
        why = self.missing()
        if why:
            raise RuntimeError(f"{self.name}: {why}")
        return getattr(importlib.import_module(self.module), self.function)(layer)


PEERS: Mapping[str, Peer] = MappingProxyType(
    {
        peer.name: peer
        for peer in (
            Peer("torch", ("torch",), "torch", "refseq.adapters.torch", "implementation"),
            Peer("onnxruntime", ("onnx", "onnxruntime"), "onnx", "refseq.adapters.onnx", "OnnxRuntimeImplementation"),
            Peer("onnx", ("onnx",), "onnx", "refseq.adapters.onnx", "ReferenceEvaluatorImplementation"),
            Peer("jax", ("jax",), "jax", "refseq.adapters.jax", "JaxImplementation"),
        )
    }
)

LOSSES: Mapping[tuple[str, str], tuple[str, str]] = MappingProxyType(
    {("torch", "ctc"): ("refseq.adapters.torch_losses", "TorchCTC")}
)
"""The losses of peers that are judged, by the names of both: module and function that makes it."""
