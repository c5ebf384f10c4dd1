"""What a layer returns: a run, and its gradients."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from refseq.targets import Arrays, Recording

if TYPE_CHECKING:
    from refseq.layer import Layer

__all__ = ["Arrays", "Gradients", "Run"]


@dataclass(frozen=True, eq=False)
class Run:
    """A forward pass: outputs y (T, B, D*H), zero where t >= lengths[b]; final state, each (L*D, B, H); and what
    backward needs. ``info`` says what ran: target and device; on "cuda" the
    ``tier`` of the time loop and ``why``."""

    y: np.ndarray
    state: Arrays
    info: Mapping[str, str]
    layer: "Layer" = field(repr=False)
    _recording: Recording | None = field(repr=False)


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients: ``params`` like the parameters, ``x`` (T, B, I), ``state`` like the initial state."""

    params: Arrays
    x: np.ndarray
    state: Arrays
