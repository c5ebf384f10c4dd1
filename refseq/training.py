"""Training: epochs over batches, with clipping, a schedule, a history, and a state that survives being killed.

For every batch: loss and gradients, clipping, one step of the optimiser. After every epoch the whole state is saved to
one file at once (``refseq.saved_state``), so that ``kill -9`` loses the running epoch at most. All randomness of an
epoch comes from the seed and the epoch's number, and files keep every bit: a run that was resumed, however often, ends
with the same bits as one that was not.
"""

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from refseq import arguments, saved_state
from refseq.clipping import Arrays, clip_by_norm, clip_by_value, global_norm, require_finite
from refseq.optimisers import Optimiser

Batches = Sequence[Any] | Callable[[np.random.Generator], Iterable[Any]]
HISTORY = {"epoch": np.int64, "loss": np.float64, "norm": np.float64, "learning_rate": np.float64}


@dataclass(frozen=True, eq=False)
class State:
    """All that changes in training, after ``epoch`` epochs: parameters, the optimiser's state, and the history of all
    steps made: their epoch (from 0), loss, norm of the gradients before clipping, and learning rate."""

    epoch: int
    params: Arrays
    optimiser: Arrays
    history: Arrays

    def losses(self) -> np.ndarray:
        """The mean loss of every epoch."""
        epochs = self.history["epoch"]
        return np.array([self.history["loss"][epochs == epoch].mean() for epoch in range(self.epoch)])


@dataclass(frozen=True)
class Training:
    """How to train; ``run`` does it. Raises TypeError or ValueError naming the option.

    optimiser   one of ``refseq.optimisers``
    seed        of the order of batches, or of the batches themselves
    clip_norm, clip_value   threshold of ``refseq.clipping``; one of them, or none
    schedule    the learning rate as a function of the number of steps made; None: the optimiser's own
    """

    optimiser: Optimiser
    seed: int = 0
    clip_norm: float | None = None
    clip_value: float | None = None
    schedule: Callable[[int], float] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        arguments.integer("seed", self.seed, 0)
        if self.clip_norm is not None and self.clip_value is not None:
            raise ValueError(f"clip_norm, clip_value: expected one, got {self.clip_norm} and {self.clip_value}")
        for name in ("clip_norm", "clip_value"):
            limit = getattr(self, name)
            if limit is not None and arguments.number(name, limit) <= 0:
                raise ValueError(f"{name}: expected a positive number, got {limit}")

    def run(
        self,
        value_and_gradient: Callable[[Arrays, Any], tuple[Any, Mapping[str, np.ndarray]]],
        params: Mapping[str, np.ndarray],
        batches: Batches,
        epochs: int,
        *,
        file: str | Path | None = None,
        callback: Callable[[State], None] | None = None,
        progress: bool | None = None,
    ) -> State:
        """Train from ``params`` until ``epochs`` epochs are done, and return the state.

        value_and_gradient(params, batch) -> (loss, grads); ``grads`` is a dict like ``params``
        batches    a sequence, taken in an order drawn for each epoch; or a function of a random generator that returns
                   the batches of an epoch
        epochs     in all: a state that has made more is returned as it is
        file       where the state is saved after every epoch; if it is there, training goes on from it. It must come
                   from the same options and initial parameters; that the functions and batches are the same is the
                   caller's part
        callback   called with the state after every epoch, when it has been saved
        progress   a progress bar on stderr; None: if that is a terminal

        Raises FloatingPointError naming epoch and batch (from 0) where the loss or a gradient is NaN or infinite;
        ValueError for a file that is damaged or of another run. The last saved state stays as it is.
        """
        arguments.integer("epochs", epochs, 0)
        inner = self.optimiser.initialise(params)
        own = {name: np.array(p, p.dtype.newbyteorder("="), order="C") for name, p in params.items()}
        state = State(0, own, inner, {name: np.zeros(0, dtype) for name, dtype in HISTORY.items()})
        origin, path = self._origin(own), None if file is None else Path(file)
        if path is not None and path.exists():
            state = _restored(path, origin, state)
        with _progress(progress, state.epoch, epochs) as show:
            while state.epoch < epochs:
                state = self._epoch(value_and_gradient, state, batches)
                if path is not None:
                    saved_state.write(path, _packed(state, origin))
                show(state)
                if callback:
                    callback(state)
        return state

    def _epoch(self, value_and_gradient: Callable, state: State, batches: Batches) -> State:
        params, inner = state.params, state.optimiser
        rows: list[tuple[int, float, float, float]] = []
        for place, batch in enumerate(self._batches(batches, state.epoch)):
            loss, grads = value_and_gradient(params, batch)
            where = f"epoch {state.epoch}, batch {place}"
            if not np.isfinite(loss):
                raise FloatingPointError(f"{where}: expected a finite loss, got {loss}")
            try:
                require_finite(grads)
            except ValueError as error:
                raise FloatingPointError(f"{where}: {error}") from error
            grads, norm = self._clipped(grads)
            rate = self.optimiser.default_rate if self.schedule is None else self.schedule(inner["step"].item())
            params, inner = self.optimiser.step(params, grads, inner, rate)
            rows.append((state.epoch, float(loss), norm, rate))
        if not rows:
            raise ValueError(f"batches: expected at least one, got none in epoch {state.epoch}")
        history = {
            name: np.concatenate([state.history[name], np.array(column, HISTORY[name])])
            for name, column in zip(HISTORY, zip(*rows, strict=True), strict=True)
        }
        return State(state.epoch + 1, params, inner, history)

    def _batches(self, batches: Batches, epoch: int) -> Iterable[Any]:
        rng = np.random.default_rng([self.seed, epoch])
        if callable(batches):
            return batches(rng)
        return (batches[int(k)] for k in rng.permutation(len(batches)))

    def _clipped(self, grads: Mapping[str, np.ndarray]) -> tuple[Mapping[str, np.ndarray], float]:
        if self.clip_norm is not None:
            return clip_by_norm(grads, self.clip_norm)
        if self.clip_value is not None:
            return clip_by_value(grads, self.clip_value)
        return grads, global_norm(grads)

    def _origin(self, params: Arrays) -> str:
        """What a saved state must come from: the options, and the initial parameters by name, shape, dtype and bits."""
        digest = hashlib.sha256()
        for name, p in params.items():
            digest.update(f"{name} {p.shape} {p.dtype} ".encode() + p.tobytes())
        return f"{self!r} from parameters {digest.hexdigest()}"


def _packed(state: State, origin: str) -> Arrays:
    """The state as one flat dict of arrays."""
    parts = {"params": state.params, "optimiser": state.optimiser, "history": state.history}
    flat = {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
    return {"origin": np.array(origin), "epoch": np.array(state.epoch), **flat}


def _restored(path: Path, origin: str, start: State) -> State:
    """The state in a file, which must have what ``start`` has."""
    flat = saved_state.read(path)
    arguments.names(str(path), flat, _packed(start, origin))
    if str(flat["origin"]) != origin:
        raise ValueError(f"{path}: belongs to another run: expected {origin}, got {flat['origin']}")

    def part(what: str, like: Arrays) -> Arrays:
        return {name: flat[f"{what}/{name}"] for name in like}

    epoch = arguments.integer(f"{path}: epoch", flat["epoch"].item(), 0)
    return State(
        epoch, part("params", start.params), part("optimiser", start.optimiser), part("history", start.history)
    )


@contextmanager
def _progress(wanted: bool | None, done: int, epochs: int) -> Iterator[Callable[[State], None]]:
    """A function that shows a state."""
    if not (sys.stderr.isatty() if wanted is None else arguments.flag("progress", wanted)):
        yield lambda state: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    text = TextColumn("loss {task.fields[loss]}")
    columns = (BarColumn(), MofNCompleteColumn(), text, TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("epochs", total=epochs, completed=done, loss="-")
        yield lambda state: bar.update(task, completed=state.epoch, loss=f"{state.history['loss'][-1]:.4g}")
