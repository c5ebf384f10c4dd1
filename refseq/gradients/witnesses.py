"""A gradient that anybody's implementation makes of a sequence by single steps: a witness against its own time loop.

An implementation (``refseq.checks.Implementation``) that is asked for one step at a time cannot make an error in its
recursion over time: a state that is not handed on, a cotangent that is dropped between chunks, a cache that is not
cleared. Put together by the explicit double sum, its own steps must give the gradient of the whole.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from refseq.gradients.double_sum import double_sum_gradients
from refseq.gradients.steps import Arrays, masked, states_like
from refseq.layer import Gradients, Layer

Params = Mapping[str, np.ndarray]


class _Run:
    """What the double sum asks of a run: outputs, final state, and what backward needs."""

    def __init__(self, y: np.ndarray, state: Arrays, given: tuple, masks: Params | None) -> None:
        self.y, self.state, self.given, self.masks = y, state, given, masks


class _AsLayer:
    """An implementation with the functions of a layer that single steps are made of."""

    def __init__(self, implementation: Any, layer: Layer) -> None:
        self._implementation, self._layer = implementation, layer
        self.inputs, self.shapes, self.bidirectional = layer.inputs, layer.shapes, layer.bidirectional

    def forward(
        self, params: Params, x: np.ndarray, state: Params, lengths: Any, target: str, masks: Params | None = None
    ) -> _Run:
        """Of the implementation; of no steps, which not everybody accepts, the layer's."""
        if not len(x) or not x.shape[1]:
            run = self._layer.forward(params, x, state, lengths, "reference", **masked(masks))
            return _Run(run.y, run.state, (params, x, run.state, lengths), masks)
        y, final = self._implementation.forward(params, x, state, lengths, **masked(masks))
        return _Run(np.asarray(y), dict(final), (params, x, state, lengths), masks)

    def backward(self, run: _Run, dy: np.ndarray | None, dstate: Params) -> Gradients:
        """Of the implementation."""
        params, x, _, _ = run.given
        if not len(x) or not x.shape[1]:
            zeros = {name: np.zeros_like(value) for name, value in params.items()}
            return Gradients(zeros, np.zeros_like(x), states_like("dstate", dstate, run.state))
        dy = np.zeros_like(run.y) if dy is None else dy
        return Gradients(*self._implementation.vjp(*run.given, dy, dstate, **masked(run.masks)))


def single_step_gradients(
    implementation: Any,
    layer: Layer,
    params: Params,
    x: np.ndarray,
    state: Params,
    lengths: Any,
    dy: np.ndarray,
    dstate: Params,
    *,
    masks: Params | None = None,
) -> tuple[Arrays, np.ndarray, Arrays]:
    """(dparams, dx, dstate0) of sum(dy * y) + sum(dstate * final state) from the implementation's steps of length 1.

    ``layer`` says what is implemented; it must run in one direction. Arguments and results are those of the
    implementation's ``vjp``, to which they are to be compared.
    """
    steps: Any = _AsLayer(implementation, layer)
    grads = double_sum_gradients(steps, params, x, state, lengths, dy, dstate, masks=masks)
    return grads.params, grads.x, grads.state
