"""The target "cuda": a layer on the current CUDA device, or in numba-cuda's simulator."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cuda_kernels import gpu, losses, norms, passes, rowwise, tiers, trees, updates
from cuda_kernels.interop.guest import Guest, guest
from cuda_kernels.machine import Machine
from cuda_kernels.passes import Pass
from refseq.cell import Cell
from refseq.networks import tree
from refseq.targets import Direction, Feed, Pulled, Tape, Weights
from refseq.tree_cell import TreeCell
from refseq.trees.forest import Forest


@dataclass(frozen=True)
class CudaTape(Tape):
    """A pass, and which of its directions this is."""

    run: Pass | None
    direction: int


class CudaTarget:
    """Runs layers as kernels of a ``Machine``; ``blocks`` and ``threads`` limit its launches."""

    name: str = "cuda"
    dtypes: tuple[str, ...] = ("float32", "float64")
    precisions: tuple[str, ...] = tiers.PRECISIONS

    def __init__(self, blocks: int | None = None, threads: int | None = None) -> None:
        self.machine = Machine(blocks, threads)

    @property
    def simulated(self) -> bool:
        """Whether kernels run in numba-cuda's simulator."""
        return gpu.SIMULATOR

    def missing(self) -> str | None:
        """None if there is a device or the simulator, else the reason."""
        return gpu.missing()

    def describe(self) -> str:
        """The device's name."""
        return gpu.describe()

    def guest(self, name: str, array: Any) -> Guest | None:
        """See ``refseq.targets.visiting.guest``."""
        return guest(self, name, array)

    def ran(self, cell: Cell, dtype: str, units: int, rows: int, directions: int) -> dict[str, str]:
        """The tier of a layer's time loop, why, and the precision of its products; see ``cuda_kernels.tiers``."""
        plan = tiers.choose(cell, dtype, units, rows, directions, self.machine.hardware, *tiers.asked())
        return {"tier": plan.tier, "why": plan.reason, "precision": plan.precision or dtype}

    def forward(
        self, cell: Cell, weights: Weights, feed: Feed, s0: np.ndarray, every: int | None = None, record: bool = True
    ) -> Tape:
        """See ``Target.forward``."""
        return self.forward_together(cell, [Direction(weights, feed, s0)], every, record)[0]

    def forward_together(
        self, cell: Cell, directions: Sequence[Direction], every: int | None = None, record: bool = True
    ) -> list[Tape]:
        """The directions of a layer, which read the same x within the same lengths, in one launch."""
        run, y, final = passes.forward(self.machine, cell, directions, every, record)
        kept = run if record else None
        return [CudaTape(direction.feed, y[d], final[d], kept, d) for d, direction in enumerate(directions)]

    def backward(self, cell: Cell, weights: Weights, tape: Tape, dy: np.ndarray, ds: np.ndarray) -> Pulled:
        """See ``Target.backward``."""
        return self.backward_together(cell, [(weights, tape, dy, ds)])[0]

    def backward_together(
        self, cell: Cell, directions: Sequence[tuple[Weights, Tape, np.ndarray, np.ndarray]]
    ) -> list[Pulled]:
        """The adjoint of ``forward_together``, for all its directions in their order, or for one."""
        run = _of_directions([tape for _, tape, _, _ in directions])
        pulled = passes.backward(self.machine, run, [dy for *_, dy, _ in directions], [ds for *_, ds in directions])
        return [_part(pulled, d, run) for d in range(len(directions))]

    def tree_forward(
        self, cell: TreeCell, weights: tuple[Weights, ...], forest: Forest, x: np.ndarray, leaves: np.ndarray | None
    ) -> trees.CudaRecording:
        """See ``refseq.networks.tree.forward``."""
        return trees.forward(self.machine, cell, weights, forest, x, leaves)

    def tree_backward(self, recording: trees.CudaRecording, ds: np.ndarray) -> tree.Pulled:
        """See ``refseq.networks.tree.backward``."""
        return trees.backward(self.machine, recording, ds)

    def over_tokens(self, *arguments: Any) -> tuple[np.ndarray, np.ndarray]:
        """See ``cuda_kernels.losses``."""
        return losses.over_tokens(self.machine, *arguments)

    def run_rows(self, *arguments: Any) -> None:
        """See ``cuda_kernels.rowwise``."""
        rowwise.run_rows(self.machine, *arguments)

    def run_updates(self, *arguments: Any) -> None:
        """See ``cuda_kernels.updates``."""
        updates.run_updates(self.machine, *arguments)

    def sum_of_squares(self, arrays: Sequence[np.ndarray], a: float, b: float) -> float:
        """See ``cuda_kernels.norms``, as for the next two."""
        return norms.sum_of_squares(self.machine, arrays, a, b)

    def multiply_into(self, results: Sequence[np.ndarray], arrays: Sequence[np.ndarray], a: float, b: float) -> None:
        """results = (a x) b."""
        norms.multiply_into(self.machine, results, arrays, a, b)

    def bound_into(self, results: Sequence[np.ndarray], arrays: Sequence[np.ndarray], limit: float) -> None:
        """results = clip(x, limit)."""
        norms.bound_into(self.machine, results, arrays, limit)


def _of_directions(tapes: Sequence[Tape]) -> Pass:
    """The pass of these tapes, reduced to them."""
    assert all(isinstance(tape, CudaTape) for tape in tapes)  # a run goes back where it ran
    run, chosen = tapes[0].run, [tape.direction for tape in tapes]  # type: ignore[attr-defined]
    assert run is not None  # a run without a recording does not go back
    if len(chosen) == len(run.feeds):
        return run
    (d,) = chosen
    part = slice(d, d + 1)
    own = {name: getattr(run, name) for name in ("p", "masks", "reverse", "s", "tape")}
    cut = {name: None if array is None else array[part] for name, array in own.items()}
    several = {name: tuple(array[part] for array in getattr(run, name)) for name in ("M", "bias", "states")}
    return replace(run, weights=run.weights[part], feeds=run.feeds[part], **cut, **several)


def _part(pulled: passes.Cotangents, d: int, run: Pass) -> Pulled:
    """One direction of the cotangents."""
    matrices, biases = (tuple(part[d] for part in parts) for parts in (pulled.matrices, pulled.biases))
    weights = Weights(matrices, biases, pulled.p[d])
    return Pulled(weights, pulled.x[d].reshape(run.feeds[d].x.shape), pulled.states[d])


CUDA = CudaTarget()
