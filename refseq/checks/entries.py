"""Central differences at every entry of every input, as a few large batches through the target "cpu".

A row of such a batch is a row of the problem that differs from it in one number: of x, of a state, or of a parameter.
Rows share the packed matrices, and rows that differ in a parameter the affine maps of x; the one product that a changed
entry of a matrix adds is added row by row (``refseq.engine.target.Tilts``).

With D(h) the difference quotient (L(+h) - L(-h))/2h of the loss L, all entries are seen at one step: ``screen``. Its
error is truncation, measured at a sample of entries as SAFETY |D(2h) - D(h)|/3, and the rounding of the loss, whose
terms are taken to be off by ROUNDINGS epsilons each, independently. Entries that look wrong are looked at
again: ``extrapolate`` has an error estimate for each, and so finds a kink of relu that lies within a step.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from refseq.checks.problem import Problem, inputs
from refseq.checks.ridders import extrapolated
from refseq.engine.programs import gate_numbers
from refseq.engine.target import Tilts
from refseq.networks import stacked
from refseq.networks.packing import Part
from refseq.targets import available

STEP = 2.0**-14
SAMPLE, SAFETY = 64, 4
ROUNDINGS = 16
LEVELS = tuple(2.0**-k for k in range(6, 13))
"""The steps of the extrapolation."""
NUMBERS_AT_ONCE = 1 << 20
"""Numbers of x and y in a batch, 8 MiB."""


@dataclass(frozen=True)
class Differences:
    """The derivative at every entry of a tensor, and an estimate of its error."""

    values: np.ndarray
    errors: np.ndarray


@dataclass(frozen=True)
class _Change:
    """What is changed in a batch: one number of each copy of the problem, or of some of its rows.

    rows    the problem's row that each row of the batch is, (R,)
    entry   which entry of the tensor is changed in it, (R,)
    """

    tensor: str
    rows: np.ndarray
    entry: np.ndarray


def screen(problem: Problem, name: str, rounding: float) -> Differences:
    """The differences at all entries of an input, named by its gradient; one error for all of them. ``rounding``: of
    the problem, ``rounding_of``."""
    shape = inputs(problem)[name].shape
    entries = np.arange(int(np.prod(shape)))
    values = quotients(problem, name, entries, STEP)
    some = np.random.default_rng(3).permutation(entries)[:SAMPLE]
    truncation = SAFETY * np.abs(quotients(problem, name, some, 2 * STEP) - values[some]).max(initial=0) / 3
    error = truncation + rounding / STEP
    return Differences(values.reshape(shape), np.full(shape, error))


def extrapolate(problem: Problem, name: str, entries: np.ndarray, rounding: float) -> Differences:
    """The differences at these entries (flat numbers), extrapolated to h = 0, each with the error that its own table
    shows (``refseq.checks.ridders``)."""
    columns = {step: quotients(problem, name, entries, step) for step in LEVELS}
    pairs = [extrapolated([column[k] for column in columns.values()], LEVELS, rounding) for k in range(len(entries))]
    values, errors = np.array(pairs).reshape(-1, 2).T
    return Differences(values, errors)


def rounding_of(problem: Problem) -> float:
    """What rounding may do to the difference of two losses."""
    run = problem.layer.forward(problem.params, problem.x, problem.state, problem.lengths, masks=problem.masks)
    squares = np.sum((problem.dy * run.y) ** 2)
    squares += sum(np.sum((problem.dstate[name] * value) ** 2) for name, value in run.state.items())
    return ROUNDINGS * float(np.finfo(np.float64).eps * np.sqrt(squares))


def quotients(problem: Problem, name: str, entries: np.ndarray, step: float) -> np.ndarray:
    """(L(+step) - L(-step)) / (2 step) at these entries of an input."""
    result = np.zeros(len(entries))
    for change, place in _changes(problem, name, entries):
        batch = _Batch(problem, change)
        np.add.at(result, place, (batch.losses(step) - batch.losses(-step)) / (2 * step))
    return result


def _changes(problem: Problem, name: str, entries: np.ndarray) -> Iterator[tuple[_Change, np.ndarray]]:
    """The entries in batches of bounded size, and which entry each row belongs to. An entry of x or of a state moves
    one row, one of a parameter all."""
    steps, batch, _ = problem.x.shape
    tensor, copied = name.removeprefix("d"), batch if name.removeprefix("d") in problem.params else 1
    size = max(NUMBERS_AT_ONCE // (max(steps, 1) * (problem.layer.inputs + problem.layer.outputs) * max(copied, 1)), 1)
    if tensor in problem.params and not _tiltable(problem, tensor):
        size = 1  # all rows share it: one entry at a time
    for first in range(0, len(entries) if batch else 0, size):
        places = np.arange(first, min(first + size, len(entries)))
        if tensor in problem.params:  # copies of a row are neighbours, which is when they share its maps of x
            rows, places = np.repeat(np.arange(batch), len(places)), np.tile(places, batch)
        else:
            rows = np.unravel_index(entries[places], inputs(problem)[name].shape)[1]
        yield _Change(tensor, rows, entries[places]), places


def _owner(problem: Problem, name: str) -> Part:
    return next(part for part in problem.layer.parts if name in part.shapes())


def _tiltable(problem: Problem, name: str) -> bool:
    """Whether it is a matrix or a bias."""
    part = _owner(problem, name)
    return name in part.blocks()


def _tilts(problem: Problem, change: _Change) -> tuple[int, np.ndarray]:
    """The part that owns the changed parameter, and the entries as the engine's ``Tilts`` name them."""
    part = _owner(problem, change.tensor)
    names, shape = part.blocks()[change.tensor], problem.params[change.tensor].shape
    numbers, bare = gate_numbers(part.cell), change.tensor.removesuffix(part.suffix)
    gate, unit, *operand = np.unravel_index(change.entry, shape)
    gates = np.array([numbers[bare, gate] for gate in names])[gate]
    table = np.stack([gates, operand[0] if operand else np.zeros_like(gates), unit], axis=1)
    return part.row, np.ascontiguousarray(table, np.int64)


class _Batch:
    """The rows of a batch: everything but the change is copied once, for the losses on either side of it. ``whole``:
    they are copies of the whole problem, those of a row neighbours."""

    def __init__(self, problem: Problem, change: _Change) -> None:
        self.problem, self.rows, self.params, self.tilts = problem, change.rows, dict(problem.params), None
        self.x = problem.x.take(change.rows, axis=1)  # contiguous, which an index would not be
        self.state = {key: value.take(change.rows, axis=1) for key, value in problem.state.items()}
        self.masks = {key: value.take(change.rows, axis=2) for key, value in problem.masks.items()}
        self.moved, self.at = np.zeros(0), ()
        name, here, batch = change.tensor, np.arange(len(change.rows)), problem.x.shape[1]
        self.whole = np.array_equal(change.rows, np.repeat(np.arange(batch), len(change.rows) // batch))
        if name == "x":
            time, _, feature = np.unravel_index(change.entry, problem.x.shape)
            self.moved, self.at = self.x, (time, here, feature)
        elif name.startswith("state["):
            key = name.removeprefix("state[").removesuffix("]")
            part, _, unit = np.unravel_index(change.entry, problem.state[key].shape)
            self.moved, self.at = self.state[key], (part, here, unit)
        elif _tiltable(problem, name):
            self.tilts = _tilts(problem, change)
        else:
            self.moved, self.params[name] = (changed := problem.params[name].copy()), changed
            self.at = np.unravel_index(change.entry[:1], changed.shape)
        self.before = self.moved[self.at].copy()

    def losses(self, step: float) -> np.ndarray:
        """The loss of every row, its number changed by ``step``."""
        problem, layer, tilts = self.problem, self.problem.layer, {}
        self.moved[self.at] = self.before + step
        if self.tilts is not None:
            part, table = self.tilts
            tilts[part] = Tilts(table, np.full(len(table), step), self.rows)
        y, final, _ = stacked.forward(
            available("cpu"),
            layer.parts,
            layer.merge,
            self.params,
            self.x,
            self.state,
            problem.counts[self.rows],
            self.masks,
            None,
            False,
            tilts,
        )
        loss = self._weighed(y, problem.dy)
        for key, value in final.items():
            loss += self._weighed(value, problem.dstate[key])
        return loss

    def _weighed(self, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The sum of values (T, R, H) times weights (T, B, H) of each row."""
        steps, batch, width = weights.shape
        if self.whole:
            copies = values.reshape(steps, batch, -1, width)  # the weights need no copies
            return np.matmul(copies, weights[..., None])[..., 0].sum(axis=0).reshape(-1)
        return np.einsum("trh,trh->r", values, weights[:, self.rows])
