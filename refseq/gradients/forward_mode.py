"""Forward mode: how outputs and final states move when parameters, inputs and initial states move along a direction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import arguments
from refseq.gradients.steps import Arrays, array_like, masked, no_steps, states_like
from refseq.gradients.tangents import Carrier, carrier
from refseq.layer import Layer, Run


@dataclass(frozen=True)
class Moved:
    """A run through numbers that carry a tangent, its carrier, and the dtype in which the caller wants the answer."""

    run: Run
    carrier: Carrier
    dtype: np.dtype

    def answer(self, numbers: np.ndarray) -> np.ndarray:
        """The tangents, rounded to the caller's dtype."""
        return self.carrier.tangent(numbers).astype(self.dtype)

    def answers(self, numbers: Mapping[str, np.ndarray]) -> Arrays:
        """The tangents of several arrays by name."""
        return {name: self.answer(value) for name, value in numbers.items()}


def move(
    layer: Layer,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    state: Mapping[str, np.ndarray] | None,
    lengths: Any,
    dparams: Mapping[str, np.ndarray | None] | None,
    dx: np.ndarray | None,
    dstate: Mapping[str, np.ndarray | None] | None,
    masks: Mapping[str, np.ndarray] | None,
    method: str,
) -> Moved:
    """Run the layer at a point and along a direction; see ``jvp`` for the arguments, which are checked here."""
    params, x, whole, start = no_steps(layer, params, x, state, "reference", masks)
    taken = ("float32", "float64", "object")[: 3 if method == "dual numbers" else 2]
    if x.dtype not in taken:
        raise TypeError(f"params: method {method!r} takes {', '.join(taken)}; got {x.dtype}")
    counts = arguments.lengths(lengths, *x.shape[:2])
    towards = states_like("dparams", dparams, params)
    dx = array_like("dx", dx, x.shape, x, counts)
    dinitial = states_like("dstate", dstate, start.state)
    numbers = carrier(method, [*towards.values(), dx, *dinitial.values()])
    run = layer.forward(
        {name: numbers.lift(value, towards[name]) for name, value in params.items()},
        numbers.lift(x, dx),
        {name: numbers.lift(value, dinitial[name]) for name, value in start.state.items()},
        counts,
        target="reference",
        **masked({name: numbers.constant(mask) for name, mask in whole.items()}),
    )
    return Moved(run, numbers, x.dtype)


def jvp(
    layer: Layer,
    params: Mapping[str, np.ndarray],
    x: np.ndarray,
    state: Mapping[str, np.ndarray] | None = None,
    lengths: Any = None,
    dparams: Mapping[str, np.ndarray | None] | None = None,
    dx: np.ndarray | None = None,
    dstate: Mapping[str, np.ndarray | None] | None = None,
    *,
    masks: Mapping[str, np.ndarray] | None = None,
    method: str = "complex step",
) -> tuple[np.ndarray, Arrays]:
    """The tangents (dy, dfinal) of outputs and final states along (dparams, dx, dstate); None stands for zero.

        dy = (dy/dparams) dparams + (dy/dx) dx + (dy/dstate) dstate

    ``method``: "complex step" through the compiled loop, or "dual numbers", interpreted and slow, but free of any
    complex function; both are independent of the cells' backward functions. float32 is computed in double precision and
    rounded once; dual numbers also take objects of a number field that states its derivatives. Other arguments as in
    ``Layer.forward``; works for layers in both directions. Raises ValueError or TypeError naming the argument.
    """
    moved = move(layer, params, x, state, lengths, dparams, dx, dstate, masks, method)
    return moved.answer(moved.run.y), moved.answers(moved.run.state)
