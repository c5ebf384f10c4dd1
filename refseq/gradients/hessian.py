"""Hessian-vector products: the gradient, differentiated once more along a direction (forward over reverse).

For L(theta, x, s_0) = loss(y, final state), and a direction v through parameters, inputs and initial states,

    H v = d/dr grad L(point + r v) at r = 0

The layer's forward *and backward* source runs on numbers that carry the tangent v: complex numbers through the compiled
loop, or dual numbers. B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994),
147-160.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from refseq.gradients.forward_mode import Moved, move
from refseq.gradients.steps import Arrays
from refseq.layer import Gradients, Layer

LossGradient = Callable[[np.ndarray, Arrays], tuple[np.ndarray | None, Mapping[str, np.ndarray | None] | None]]
"""(y, final state) -> (dy, dstate): the loss's gradient there; None stands for zero."""


def linear_loss(dy: np.ndarray | None = None, dstate: Mapping[str, np.ndarray | None] | None = None) -> LossGradient:
    """The gradient of sum(dy * y) + sum(dstate * final state): constant, so that the loss adds no curvature."""
    return lambda y, state: (dy, dstate)


def hessian_product(
    layer: Layer,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    state: Mapping[str, np.ndarray] | None,
    lengths: Any,
    loss_gradient: LossGradient,
    dparams: Mapping[str, np.ndarray | None] | None = None,
    dx: np.ndarray | None = None,
    dstate: Mapping[str, np.ndarray | None] | None = None,
    *,
    masks: Mapping[str, np.ndarray] | None = None,
    method: str = "complex step",
) -> Gradients:
    """H v for the direction v = (dparams, dx, dstate), None for zero: like the gradients themselves.

    ``loss_gradient`` gives the loss by its gradient at the outputs, e.g. ``lambda y, state: (y - wanted, None)`` for
    half the squared error, or ``linear_loss(dy, dstate)``. It is called with outputs that carry the tangent, complex128
    or objects, and must be written in arithmetic that is good for complex numbers: no abs, comparison, ``.real`` or
    conjugate; then the loss's own second derivative enters by itself. What it returns in real numbers is taken as
    constant. Other arguments and ``method`` as in ``refseq.gradients.jvp``. Where relu has its kink, H is that of the
    branch taken. Raises ValueError or TypeError naming the argument.
    """
    moved = move(layer, params, x, state, lengths, dparams, dx, dstate, masks, method)
    y, final = moved.run.y.copy(), {name: value.copy() for name, value in moved.run.state.items()}
    dy, dfinal = loss_gradient(y, final)
    dfinal = None if dfinal is None else {name: _constant(moved, value) for name, value in dfinal.items()}
    grads = layer.backward(moved.run, _constant(moved, dy), dfinal)
    return Gradients(moved.answers(grads.params), moved.answer(grads.x), moved.answers(grads.state))


def _constant(moved: Moved, values: np.ndarray | None) -> np.ndarray | None:
    """In the numbers of the run: what the loss's gradient returns without a tangent is constant."""
    return moved.carrier.constant(values) if isinstance(values, np.ndarray) else values
