"""Both directions of a Turing machine on a target: arrays for the rows of ``forward``, ``backward``, ``gradient``."""

import math
from dataclasses import dataclass

import numpy as np

from refseq.arrays import beside, contiguous, zeros
from refseq.arrays import rows as rows_of
from refseq.cell import Cell
from refseq.networks.outer import outer
from refseq.networks.turing_machine.activations import SCALARS
from refseq.networks.turing_machine.backward import build_backward
from refseq.networks.turing_machine.controllers import CONTROLLERS, SOURCES
from refseq.networks.turing_machine.forward import build_forward
from refseq.networks.turing_machine.gradient import build_controller_gradient
from refseq.rowwise import run_rows

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Plan:
    """The controller, on which the compiled code depends; heads that read and write, and shifts that each has."""

    controller: str
    reads: int
    writes: int
    shifts: int

    @property
    def cell(self) -> Cell:
        """The controller."""
        return CONTROLLERS[self.controller]()

    @property
    def options(self) -> tuple:
        """Of the rows."""
        return (*SOURCES, self.controller)

    @property
    def slots(self) -> np.ndarray:
        """The heads' numbers."""
        return np.arange(self.reads + self.writes)

    def numbers(self, width: int) -> int:
        """Numbers of a head, with those that only a writing head has."""
        return width + SCALARS + self.shifts + 2 * width


@dataclass(frozen=True, eq=False)
class Weights:
    """Parameters as the rows want them: see ``forward``."""

    W0: np.ndarray
    W1: np.ndarray
    bias: np.ndarray
    U: np.ndarray
    ub: np.ndarray
    Yh: np.ndarray
    Yr: np.ndarray
    yb: np.ndarray
    epsilon: np.ndarray


@dataclass(frozen=True, eq=False)
class States:
    """Of every row: the controller's (B, S', H), memory (B, M, N), weights (B, R + W, N), reads (B, R, M); or their
    cotangents."""

    s: np.ndarray
    memory: np.ndarray
    w: np.ndarray
    r: np.ndarray


@dataclass(frozen=True, eq=False)
class Recording:
    """What a forward pass leaves: the states at all times, and what backward needs besides."""

    plan: Plan
    weights: Weights
    lengths: np.ndarray
    target: str
    times: States
    kept: Arrays
    y: np.ndarray

    @property
    def final(self) -> States:
        """The state of every row after its last step."""
        steps, times = self.lengths, self.times
        last = steps * len(steps) + np.arange(len(steps))

        def at_end(array: np.ndarray) -> np.ndarray:
            rest = array.shape[2:]
            return rows_of(array.reshape(-1, math.prod(rest)), last).reshape(-1, *rest)

        return States(*map(at_end, (times.s, times.memory, times.w, times.r)))


def _work(weights: Weights, memory: np.ndarray, steps: int) -> int:
    """Operations of a row, roughly."""
    heads = weights.U.shape[1]
    products = weights.W0.size + weights.W1.size + weights.U.size + weights.Yh.size + weights.Yr.size
    return steps * (products + (4 * heads + 2) * memory.shape[1] * memory.shape[2])


def forward(plan: Plan, weights: Weights, start: States, x: np.ndarray, lengths: np.ndarray, target: str) -> Recording:
    """All rows of x (T, B, I) from their first states."""
    steps, rows, _ = x.shape
    layout, like, units = plan.cell.layout, weights.U, weights.U.shape[0]
    width, locations = start.memory.shape[1:]
    heads = plan.reads + plan.writes

    def room(*shape: int) -> np.ndarray:
        return zeros((steps, rows, *shape), like)

    def over_time(first: np.ndarray) -> np.ndarray:
        found = zeros((steps + 1, *first.shape), like)
        found[0] = first
        return found

    times = States(*map(over_time, (start.s, start.memory, start.w, start.r)))
    numbers = plan.numbers(width)
    kept = {
        "taken": room(1, weights.W0.shape[0]),
        "tape": room(max(layout.stored, 1), units),
        "a": room(heads, numbers),
        "z": room(heads, numbers),
        "norms": room(locations),
        "q": room(heads, 5, locations),
    }
    y = room(1, weights.yb.shape[1])
    w = weights
    run_rows(
        build_forward,
        plan.options,
        rows,
        [w.W0, w.W1, w.bias, w.U, w.ub, w.Yh, w.Yr, w.yb, w.epsilon, plan.slots, x, lengths],
        [times.s, times.memory, times.w, times.r, *kept.values(), y],
        [zeros((rows, len(layout.slots), units), like), zeros((rows, heads, locations), like)],
        target=target,
        units=max(units, locations),
        work=_work(weights, start.memory, steps),
    )
    return Recording(plan, weights, lengths, target, times, kept, y)


def backward(recording: Recording, dy: np.ndarray, end: States) -> tuple[Weights, States, np.ndarray]:
    """Gradients of the parameters (none of epsilon), of the first states and of x, from the cotangents of y
    (T, B, 1, O) and of the last states, which become those of the first."""
    plan, w, times, kept = recording.plan, recording.weights, recording.times, recording.kept
    steps, rows = dy.shape[:2]
    (inputs, _, units), (heads, numbers), like = w.W0.shape, kept["a"].shape[2:], w.U
    locations, features = end.memory.shape[2], inputs - plan.reads * end.memory.shape[1]
    dx = zeros((steps, rows, features), like)
    da = zeros((steps, rows, len(plan.cell.layout.slots), units), like)
    df = zeros((steps, rows, heads, numbers), like)
    scratch = [
        zeros(end.s.shape, like),
        zeros((rows, 1, units), like),
        zeros((rows, 1, inputs), like),
        zeros((rows, heads, numbers), like),
        zeros((rows, heads, 3, locations), like),
    ]
    given = [w.W0, w.W1, w.U, w.Yh, w.Yr, w.epsilon, plan.slots, recording.lengths, times.s, times.memory, times.w]
    seen = [kept[name] for name in ("tape", "a", "z", "norms", "q")]
    run_rows(
        build_backward,
        plan.options,
        rows,
        [*given, *seen, dy],
        [end.s, end.memory, end.w, end.r, dx, da, df],
        scratch,
        target=recording.target,
        units=max(units, locations),
        work=2 * _work(w, end.memory, steps),
    )
    return _parameters(recording, da, df, dy), end, dx


def _parameters(recording: Recording, da: np.ndarray, df: np.ndarray, dy: np.ndarray) -> Weights:
    """The second pass."""
    plan, w, times = recording.plan, recording.weights, recording.times
    steps, rows = dy.shape[:2]
    h = contiguous(times.s[1:, :, 0])
    ends = recording.lengths
    dU = outer(h, df.reshape(steps, rows, w.ub.size), ends, w.U, recording.target)
    seen = beside([h, times.r[1:].reshape(steps, rows, len(w.Yr))])
    dY = outer(seen, dy[:, :, 0], ends, w.U, recording.target)
    units = h.shape[2]
    dW0, dW1, dbias = (zeros(array.shape, w.U) for array in (w.W0, w.W1, w.bias))
    pieces = sum(len(array) for array, _ in zip((w.W0, w.W1), plan.cell.layout.matrices, strict=False)) + 1
    run_rows(
        build_controller_gradient,
        plan.options,
        pieces,
        [recording.kept["taken"], times.s, recording.kept["tape"], da, recording.lengths],
        [dW0, dW1, dbias],
        target=recording.target,
        units=units,
        work=steps * rows * w.bias.size,
    )
    return Weights(
        dW0,
        dW1,
        dbias,
        dU[:-1].reshape(w.U.shape),
        dU[-1].reshape(w.ub.shape),
        dY[:units, None],
        dY[units:-1, None],
        dY[-1:],
        zeros(w.epsilon.shape, w.U),
    )
