"""A layer with its parameters, for inference: they are checked and packed once, not at every call."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from refseq.engine import direct
from refseq.engine.ready import Lease
from refseq.run import Run
from refseq.targets import run_info

if TYPE_CHECKING:
    from refseq.layer import Layer

KEPT = 8
"""Shapes of a batch for which the packed parameters are kept."""


class Bound:
    """Runs of a layer with the same parameters on the target "cpu", without gradients; ``layer.bind(params)``.

    The parameters are copied: who changes them later binds again. Safe in threads.
    """

    def __init__(self, layer: "Layer", params: dict[str, np.ndarray]) -> None:
        self.layer, self._params = layer, params
        self._ready: dict[direct.Plan, tuple[list[Lease], dict[str, str]]] = {}

    def forward(
        self,
        x: np.ndarray,
        state: Mapping[str, np.ndarray] | None = None,
        lengths: Any = None,
        *,
        masks: Mapping[str, np.ndarray] | None = None,
    ) -> Run:
        """As ``layer.forward(params, x, state, lengths, masks=masks, gradient=False)``, bit for bit."""
        if lengths is None and masks is None and len(self.layer.parts) == 1:
            plan = direct.plan(self.layer.parts[0], x, False)
            run = self._short(plan, x, state) if plan is not None else None
            if run is not None:
                return run
        return self.layer.forward(self._params, x, state, lengths, masks=masks, gradient=False)

    def _short(self, plan: direct.Plan, x: Any, state: Any) -> Run | None:
        """A run with a job that has the parameters, for nobody else at this time."""
        found = self._ready.get(plan)
        if found is None:
            if len(self._ready) >= KEPT:
                self._ready.clear()
            found = self._ready.setdefault(plan, ([], run_info("cpu")))
        idle, info = found
        try:
            lease = idle.pop()
        except IndexError:
            lease = plan.holding(self._params)
        if lease is None:  # parameters of another dtype than x, which the long way refuses
            return None
        done = plan.forward(lease, x, state)
        idle.append(lease)
        return Run(*done, dict(info), self.layer, None) if done is not None else None

    def __repr__(self) -> str:
        return f"{self.layer} with parameters"

    def __reduce__(self) -> tuple:
        return type(self.layer).bind, (self.layer, self._params)
