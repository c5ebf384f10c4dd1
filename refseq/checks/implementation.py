"""What a foreign implementation offers to be judged, and refseq's own layers in that shape."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from refseq.layer import Layer
from refseq.stack import Stack

Arrays = dict[str, np.ndarray]


class NotOffered(Exception):  # noqa: N818 - it is an answer, not an error
    """Raised by an implementation for what it does not have (gradients, a dtype, lengths, an option): the checks that
    need it are reported as not offered, never as passed. The message says what is missing."""


class Implementation(Protocol):
    """A recurrent layer made by somebody, in refseq's layout: parameters, shapes and names of ``layer.shapes``.

    An implementation may also have ``jvp(params, x, state, lengths, dparams, dx, dstate)``, the tangents of (y, final
    state) for tangents of the inputs; it is then held against vjp.

    It may declare ``activations = "absolute"``: its tanh and sigmoid are accurate to rounding of
    their range, not of a small value (rational approximations); the error budget then allows for it. The default is
    "relative".

    For a layer with masks (``layer.cell.masks``) every method is also given ``masks=``, a dict of (L*D, T, B, H).

    Arrays are numpy, of one dtype; x is (T, B, I); states are (L*D, B, H); lengths None or integers (B,). Neither
    function may change its arguments. Both may raise ``NotOffered``.
    """

    name: str
    """Shown in tables, with the version where there is one."""

    def forward(
        self,
        params: Mapping[str, np.ndarray],
        x: np.ndarray,
        state: Mapping[str, np.ndarray],
        lengths: np.ndarray | None,
    ) -> tuple[np.ndarray, Arrays]:
        """Outputs y (T, B, D*H) and the final state."""
        ...

    def vjp(
        self,
        params: Mapping[str, np.ndarray],
        x: np.ndarray,
        state: Mapping[str, np.ndarray],
        lengths: np.ndarray | None,
        dy: np.ndarray,
        dstate: Mapping[str, np.ndarray],
    ) -> tuple[Arrays, np.ndarray, Arrays]:
        """Gradients of sum(dy * y) + sum(dstate * final state): like params, like x, like state."""
        ...


class OwnImplementation:
    """refseq's layer on one of its targets."""

    def __init__(self, layer: Layer | Stack, target: str = "cpu") -> None:
        self.layer: Any = layer
        self.target, self.name = target, f"refseq {target}"

    def forward(
        self,
        params: Mapping[str, np.ndarray],
        x: np.ndarray,
        state: Mapping[str, np.ndarray],
        lengths: np.ndarray | None,
        masks: Mapping[str, np.ndarray] | None = None,
    ) -> tuple[np.ndarray, Arrays]:
        """See ``Implementation.forward``."""
        run = self.layer.forward(params, x, state, lengths, self.target, masks=masks)
        return run.y, run.state

    def vjp(
        self,
        params: Mapping[str, np.ndarray],
        x: np.ndarray,
        state: Mapping[str, np.ndarray],
        lengths: np.ndarray | None,
        dy: np.ndarray,
        dstate: Mapping[str, np.ndarray],
        masks: Mapping[str, np.ndarray] | None = None,
    ) -> tuple[Arrays, np.ndarray, Arrays]:
        """See ``Implementation.vjp``."""
        run = self.layer.forward(params, x, state, lengths, self.target, masks=masks)
        grads = self.layer.backward(run, dy, dstate)
        return grads.params, grads.x, grads.state
