"""Targets: where a layer runs. A name never stands for another target: a missing device raises.

"reference"  plain loops, compiled by numba for floats and complex numbers, interpreted for objects of any number field
"cpu"        the same cells on the CPU's vector units, rows shared between threads (``refseq.engine``): "reference" up
             to rounding; the same bits for any number of threads
"cuda"       numba-cuda kernels on the current device, or on numba-cuda's simulator when NUMBA_ENABLE_CUDASIM=1; arrays
             may be on the device already (``refseq.targets.visiting``)
"""

import importlib
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import numpy as np

from refseq.arrays import name_of
from refseq.cell import Cell

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Weights:
    """Parameters of one layer in one direction: each matrix operand-major (size in, G, size out), in any order in
    memory, each bias (G, size out), the per-unit parameters and constants (P, H)."""

    matrices: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    p: np.ndarray


@dataclass(frozen=True)
class Feed:
    """What a layer runs on in one direction: inputs x (T, B, K), masks (T, B, Q, H), the length of every row."""

    x: np.ndarray
    masks: np.ndarray
    lengths: np.ndarray
    reverse: bool


@dataclass(frozen=True)
class Tape:
    """What forward leaves: outputs y (T, B, H'), final states (B, S, H); and what the target's backward needs."""

    feed: Feed
    y: np.ndarray
    final: np.ndarray


@dataclass(frozen=True)
class Pulled:
    """Cotangents of everything that went into one layer in one direction; ``weights`` like Weights, s0 (B, S, H)."""

    weights: Weights
    x: np.ndarray
    s0: np.ndarray


class Recording(Protocol):
    """A forward pass of a layer as backward needs it."""

    def pull(self, dy: np.ndarray, dstate: Mapping[str, np.ndarray]) -> tuple[Arrays, np.ndarray, Arrays]:
        """The gradients of parameters, x and initial states from the cotangents of the outputs and final states."""
        ...


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
        self, cell: Cell, weights: Weights, feed: Feed, s0: np.ndarray, every: int | None = None, record: bool = True
    ) -> Tape:
        """Run the scan from the states s0 (B, S, H). ``every``: keep only the states before each piece of so many
        steps, and compute the rest again in backward; None keeps everything. Not ``record``: keep nothing, there will
        be no backward."""
        ...

    def backward(self, cell: Cell, weights: Weights, tape: Tape, dy: np.ndarray, ds: np.ndarray) -> Pulled:
        """BPTT: dy (T, B, H') and ds (B, S, H) are the cotangents of the outputs and of each row's final state."""
        ...


@dataclass(frozen=True)
class Direction:
    """What goes into one direction of a layer; ``more``: further arguments that only some targets take."""

    weights: Weights
    feed: Feed
    s0: np.ndarray
    more: Mapping[str, Any] = field(default_factory=dict)


def forward_together(
    target: Target, cell: Cell, directions: Sequence[Direction], every: int | None, record: bool
) -> list[Tape]:
    """``Target.forward`` of all directions of a layer, which read the same x: at once by a target that has a
    ``forward_together(cell, directions, every, record)`` of its own, else one after another."""
    together = getattr(target, "forward_together", None)
    if together is not None:
        return together(cell, directions, every, record)
    return [target.forward(cell, d.weights, d.feed, d.s0, every, record, **d.more) for d in directions]


def directly(
    target: Target, stack: Sequence[Any], params: Any, x: Any, state: Any, record: bool
) -> tuple[np.ndarray, Arrays, Recording | None] | None:
    """A short way through all parts of a layer, from arrays as the caller gave them: outputs, final states and, if
    there is something to ``record``, what backward needs. None where the target has no such way, ``direct``, for
    whatever reason."""
    direct = getattr(target, "direct", None)
    return direct(stack, params, x, state, record) if direct is not None else None


def backward_together(
    target: Target, cell: Cell, directions: Sequence[tuple[Weights, Tape, np.ndarray, np.ndarray]]
) -> list[Pulled]:
    """``Target.backward`` for the weights, tape, dy and ds of all directions of a layer, likewise; one after another:
    the last direction first."""
    together = getattr(target, "backward_together", None)
    if together is not None:
        return together(cell, directions)
    return [target.backward(cell, *given) for given in reversed(directions)][::-1]


_PROVIDERS = {
    "reference": ("refseq.targets.host", "REFERENCE"),
    "cpu": ("refseq.engine.target", "CPU"),
    "cuda": ("cuda_kernels.target", "CUDA"),
}

TARGETS = tuple(_PROVIDERS)
HOST = ("reference", "cpu")
"""Targets that read the caller's arrays where they are."""


@cache
def _provided(name: str) -> Target:
    module, attribute = _PROVIDERS[name]
    return getattr(importlib.import_module(module), attribute)


visited: ContextVar[Target | None] = ContextVar("visited", default=None)
"""The target of a guest (``refseq.targets.visiting``) while its call runs; it takes the place of the one of that
name."""


def target(name: str) -> Target:
    """The target of this name, whether or not it can run here. Raises ValueError for an unknown name."""
    if not isinstance(name, str) or name not in _PROVIDERS:
        raise ValueError(f"target: expected one of {', '.join(TARGETS)}; got {name!r}")
    own = visited.get()
    return own if own is not None and own.name == name else _provided(name)


asked_precision: ContextVar[str | None] = ContextVar("asked precision", default=None)
"""The precision of products that layers are asked for, if not that of the arrays: by ``cuda_kernels.tiers.using``."""


def refuse_precision(target: Target) -> None:
    """Raises ValueError if layers are asked for a precision, and this target has products in the arrays' alone."""
    asked = asked_precision.get()
    if asked is not None and asked not in getattr(target, "precisions", ()):
        raise ValueError(
            f"precision: expected the target 'cuda' where {asked!r} is asked for; "
            f"got {target.name!r}, which computes in the precision of the arrays"
        )


def runs_in_python(name: str) -> bool:
    """Whether the target compiles nothing, and a number costs microseconds: a simulator, which says so by an attribute
    ``simulated`` of its own."""
    return bool(getattr(target(name), "simulated", False))


def run_info(name: str, cell: Cell | None = None, *sizes: Any) -> dict[str, str]:
    """What ran: the target and its device, in words; and what else the target says of a layer of this cell, dtype,
    units, rows and directions, by a function ``ran(cell, *sizes)`` of its own."""
    found = target(name)
    ran = getattr(found, "ran", None)
    info = {"target": name, "device": found.describe()}
    return info if ran is None or cell is None else info | ran(cell, *sizes)


def device_for(name: str, dtype: np.dtype) -> Any:
    """Who serves trees, losses, clipping and optimisers: None for the targets of the host, for which they are in refseq
    itself; else the target, which has functions for them. Raises ValueError for an unknown name, RuntimeError where
    the target cannot run, TypeError for a dtype that it does not take."""
    found = available(name)
    if name in HOST:
        return None
    if name_of(dtype) not in found.dtypes:
        raise TypeError(f"target {name!r} takes {', '.join(found.dtypes)}; got {dtype}")
    return found


def available(name: str) -> Target:
    """The target of this name. Raises RuntimeError with the reason if it cannot run here."""
    found = target(name)
    why = found.missing()
    if why:
        raise RuntimeError(f"target {name!r} cannot run here: {why}")
    return found
