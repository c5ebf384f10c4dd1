"""Targets: where a layer runs. A name never stands for another target: a missing device raises.

"reference"  plain loops, compiled by numba for floats and complex numbers, interpreted for objects of any number field
"cpu"        the same loops, rows shared between threads; results bitwise equal to "reference"
"cuda"       numba-cuda kernels on the current device, or on numba-cuda's simulator when NUMBA_ENABLE_CUDASIM=1
"""

import importlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from refseq.cell import Cell


@dataclass(frozen=True)
class Weights:
    """Parameters of one layer in one direction, operand-major: W (K, G, H), U (H, G, H), b (G, H), p (P, H)."""

    W: np.ndarray
    U: np.ndarray
    b: np.ndarray
    p: np.ndarray


@dataclass(frozen=True)
class Tape:
    """What forward leaves for backward: inputs, states s (T+1, B, S, H), tape (T, B, N, H), outputs y (T, B, H)."""

    x: np.ndarray
    lengths: np.ndarray
    reverse: bool
    s: np.ndarray
    tape: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Pulled:
    """Cotangents of everything that went into one layer in one direction; ``weights`` like Weights, s0 (B, S, H)."""

    weights: Weights
    x: np.ndarray
    s0: np.ndarray


class Target(Protocol):
    """A place to run the scan of a cell."""

    name: str
    dtypes: tuple[str, ...]

    def missing(self) -> str | None:
        """None if this target can run here, else why not and what would help."""
        ...

    def describe(self) -> str:
        """The device, in words."""
        ...

    def forward(
        self, cell: Cell, weights: Weights, x: np.ndarray, s0: np.ndarray, lengths: np.ndarray, reverse: bool
    ) -> Tape:
        """Run the scan over x (T, B, K) from the states s0 (B, S, H)."""
        ...

    def backward(self, cell: Cell, weights: Weights, tape: Tape, dy: np.ndarray, ds: np.ndarray) -> Pulled:
        """BPTT: dy (T, B, H) and ds (B, S, H) are the cotangents of the outputs and of each row's final state."""
        ...


_PROVIDERS = {
    "reference": ("refseq.targets.host", "REFERENCE"),
    "cpu": ("refseq.targets.host", "CPU"),
    "cuda": ("cuda_kernels.target", "CUDA"),
}

TARGETS = tuple(_PROVIDERS)


def target(name: str) -> Target:
    """The target of this name, whether or not it can run here. Raises ValueError for an unknown name."""
    if not isinstance(name, str) or name not in _PROVIDERS:
        raise ValueError(f"target: expected one of {', '.join(TARGETS)}; got {name!r}")
    module, attribute = _PROVIDERS[name]
    return getattr(importlib.import_module(module), attribute)


def available(name: str) -> Target:
    """The target of this name. Raises RuntimeError with the reason if it cannot run here."""
    found = target(name)
    why = found.missing()
    if why:
        raise RuntimeError(f"target {name!r} cannot run here: {why}")
    return found
