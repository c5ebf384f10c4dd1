"""The libraries that can be timed, by name; nothing here imports a framework before it is asked to run.

One module for each; the user's own are ``refseq.bench.libraries.users``.
"""

from collections.abc import Mapping
from types import MappingProxyType

from refseq.bench.libraries.jax import Jax, JaxScan
from refseq.bench.libraries.library import Library, Pass
from refseq.bench.libraries.onnxruntime import OnnxRuntime
from refseq.bench.libraries.own import Own
from refseq.bench.libraries.torch import FusedTorch, Torch
from refseq.bench.libraries.torch_loop import TorchLoop
from refseq.bench.libraries.torch_structures import TorchStructures
from refseq.bench.libraries.users import Users

LIBRARIES: Mapping[str, Library] = MappingProxyType(
    {
        one.name: one
        for one in (Own(), Torch(), TorchLoop(), TorchStructures(), FusedTorch(), OnnxRuntime(), Jax(), JaxScan())
    }
)

__all__ = ["LIBRARIES", "Library", "Pass", "Users"]
