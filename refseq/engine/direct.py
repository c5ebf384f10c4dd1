"""The short way of a plain run: one part, plain arrays, all rows of full length.

A small run takes less time than handing its arrays from one Python function to the next, and the copies of a large one
are work for all threads. Here all that does not change from run to run is ready (``refseq.engine.ready``); a run fills
in the addresses of the caller's arrays and makes a few calls. What asks for more, or for an error, takes the way
through ``refseq.engine.target``: same jobs, same bits.
"""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from refseq.arrays import name_of
from refseq.engine import threads
from refseq.engine.backward import backward
from refseq.engine.forward import forward
from refseq.engine.gradient import gradient
from refseq.engine.handing import drive
from refseq.engine.job import FIELD
from refseq.engine.layouts import backward_direction, forward_direction, setup_of_plain
from refseq.engine.moves import FOUND, moves
from refseq.engine.prepare import prepare
from refseq.engine.ready import Lease
from refseq.engine.results import result
from refseq.engine.setup import REMEMBERED
from refseq.engine.workspace import address

if TYPE_CHECKING:
    from refseq.networks.packing import Part

Arrays = dict[str, np.ndarray]


def plain(array: Any, shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Where an array begins, if it is one of numpy's own, of this shape and dtype, native, contiguous and writable;
    else 0."""
    if type(array) is np.ndarray and array.shape == shape and array.dtype == dtype and array.flags.carray:
        exposed: Any = array  # a buffer, whatever its type says
        return ctypes.addressof(ctypes.c_char.from_buffer(exposed))
    return 0


class Plan:
    """What runs of one part, dtype, T and B have in common. ``fits``: whether there is a short way."""

    def __init__(self, part: "Part", dtype: np.dtype, steps: int, rows: int, workers: int, record: bool) -> None:
        cell, width = part.cell, part.width(part.cell.state[0])
        self.part, self.dtype, self.record = part, dtype, record
        self.x_shape, self.y_shape = (steps, rows, part.inputs), (steps, rows, width)
        self.expected = tuple(part.shapes().items())
        self.states = tuple((name, (1, rows, part.width(name))) for name in cell.state)
        self.zeros = [np.zeros(shape, dtype) for _, shape in self.states]
        self.zeros_at = [plain(zeros, zeros.shape, dtype) for zeros in self.zeros]
        shared = any(parameter.shared for parameter in cell.parameters)
        largest = float(np.finfo(dtype).max)
        finite = all(abs(value) <= largest for value in cell.constants.values())  # else the long way says so
        self.fits = not cell.masks and not shared and finite
        if self.fits:
            setup, name = setup_of_plain(part, dtype, steps, rows, workers), name_of(dtype)
            self.setup, self.move, self.prepare = setup, moves(name), prepare(name)
            self.fore_loop, self.back_loop, self.sums = forward(name), backward(name), gradient(name)
            self.fore, self.back = forward_direction(part, setup, record), backward_direction(part, setup)

    def holding(self, params: Any) -> Lease | None:
        """A job that has its parameters; None if they are not plain arrays, or one is NaN."""
        if type(params) is not dict or len(params) != len(self.expected):
            return None
        sources = [plain(params.get(name), shape, self.dtype) for name, shape in self.expected]
        if not all(sources):
            return None
        lease = Lease(self.fore)
        ready = lease.ready
        parameters = ready.copies[0]
        parameters.sources[:] = sources
        parameters.run(self.move)
        if parameters.table[FOUND]:
            parameters.table[FOUND] = 0
            return None
        threads.share(self.prepare, self.setup.parts, ready.where)
        return lease

    def forward(self, lease: Lease, x: Any, state: Any) -> tuple[np.ndarray, Arrays] | None:
        """Outputs and final states; None if the arrays are not plain."""
        dtype = self.dtype
        if state is None:
            sources = self.zeros_at.copy()
        elif type(state) is dict and len(state) == len(self.states):
            sources = [plain(state.get(name), shape, dtype) for name, shape in self.states]
        else:
            return None
        sources.append(plain(x, self.x_shape, dtype))
        if not all(sources):
            return None
        ready, y, final = lease.ready, result(self.y_shape, dtype), {}
        _, inputs, results = ready.copies
        if self.record:
            inputs.sources[:] = sources
        else:  # x is read where it is
            ready.words[FIELD.x] = sources.pop()
            inputs.sources[:] = sources
        inputs.run(self.move)
        ready.words[FIELD.y] = plain(y, self.y_shape, dtype)
        targets = []
        for name, shape in self.states:
            final[name] = array = result(shape, dtype)
            targets.append(plain(array, shape, dtype))
        results.targets[:] = targets
        drive(self.fore_loop, ready.words, ready.where, self.setup.sharing)
        results.run(self.move)
        return y, final

    def given(self, lease: Lease) -> tuple[Arrays, np.ndarray, Arrays]:
        """What a recorded run was given: copies of parameters, x and states."""
        named = [(*self.expected, *self.states, ("x", self.x_shape))]
        pairs = zip(lease.ready.copies[:2], self.fore.copies[:2], strict=True)
        arrays = [array for copies, lines in pairs for array in copies.written(lines, self.dtype)]
        found = {name: array.reshape(shape) for (name, shape), array in zip(*named, arrays, strict=True)}
        x = found.pop("x")
        return {n: found[n] for n, _ in self.expected}, x, {n: found[n] for n, _ in self.states}

    def backward(self, fore: Lease, dy: np.ndarray, ds: Mapping[str, np.ndarray]) -> tuple[Arrays, np.ndarray, Arrays]:
        """The gradients of the parameters, of x and of the initial states; dy and ds are native and contiguous."""
        dtype, setup, given = self.dtype, self.setup, fore.ready.words
        lease = Lease(self.back)
        ready, words = lease.ready, lease.ready.words
        for field in (FIELD.x, FIELD.s, FIELD.tape, FIELD.matrices, FIELD.biases, FIELD.p):
            words[field] = given[field]
        dx, grads = result(self.x_shape, dtype), {name: result(shape, dtype) for name, shape in self.expected}
        before = [result(shape, dtype) for _, shape in self.states]
        words[FIELD.dy], words[FIELD.dx] = address(dy), plain(dx, self.x_shape, dtype)
        results = [*grads.values(), *before]
        inward, summed, outward = ready.copies
        inward.sources[: len(before)] = [address(ds[name]) for name, _ in self.states]
        outward.targets[:] = [plain(array, array.shape, dtype) for array in results]
        inward.run(self.move)
        where, chunk = ready.where, self.back.job.chunk
        threads.share(self.prepare, setup.parts, where)
        for begin in reversed(range(0, setup.steps, chunk)):
            end = min(begin + chunk, setup.steps)
            drive(self.back_loop, words, where, setup.sharing, begin, end)
            threads.share(self.sums, setup.parts, where, begin, end)
        if summed.many:
            summed.run(self.move)
        outward.run(self.move)
        return grads, dx, dict(zip(self.part.cell.state, before, strict=True))


@dataclass(frozen=True, slots=True)
class Recording:
    """A run as backward needs it."""

    plan: Plan
    lease: Lease

    def pull(self, dy: np.ndarray, dstate: Mapping[str, np.ndarray]) -> tuple[Arrays, np.ndarray, Arrays]:
        """See ``refseq.targets.Recording``."""
        return self.plan.backward(self.lease, dy, dstate)

    def __reduce__(self) -> tuple:
        return _again, (self.plan.part, *self.plan.given(self.lease))


def _again(part: "Part", params: Arrays, x: np.ndarray, state: Arrays) -> Recording:
    """The recording of a run that was pickled or copied, made once more: the engine's memory stays where it is."""
    done = run(part, params, x, state, True)
    recording = None if done is None else done[2]
    assert recording is not None  # as it was the first time
    return recording


plans = lru_cache(maxsize=REMEMBERED)(Plan)
_DTYPES = (np.dtype("float32"), np.dtype("float64"))


def plan(part: "Part", x: Any, record: bool) -> Plan | None:
    """The plan of a run on x, or None if there is no short way."""
    if type(x) is not np.ndarray or x.ndim != 3 or not x.size or x.dtype not in _DTYPES:
        return None
    made = plans(part, x.dtype, *x.shape[:2], threads.count(), record)
    return made if made.fits else None


def run(
    part: "Part", params: Any, x: Any, state: Any, record: bool
) -> tuple[np.ndarray, Arrays, Recording | None] | None:
    """See ``refseq.targets.directly``: a plain run of one part."""
    made = plan(part, x, record)
    if made is None:
        return None
    lease = made.holding(params)
    done = made.forward(lease, x, state) if lease is not None else None
    if lease is None or done is None:
        return None
    return *done, Recording(made, lease) if record else None
