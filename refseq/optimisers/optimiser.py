"""What all optimisers share: a rule for one number, and the loop over the arrays of parameters around it.

A rule is a plain function of scalars, in the style of a cell. It is the only place of its formula:

    rule(p, g, s, h) -> (p1, s1)      p: a parameter, g: its gradient, s: its buffers, h: numbers common to all (rates);
                                      p1, s1: the new parameter and buffers
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable

from refseq import arguments
from refseq.arrays import name_of, zeros
from refseq.columns import gather, scatter
from refseq.engine.results import result_like
from refseq.kernels import compiled, on_vectors
from refseq.lanes import ONE, Lanes
from refseq.optimisers.updates import run_updates
from refseq.targets import device_for
from refseq.targets.visiting import guests

Arrays = dict[str, np.ndarray]
Rule = Callable[[Any, Any, tuple, tuple], tuple[Any, tuple]]


@cache
def build(rule: Rule, buffers: int, lanes: Lanes = ONE) -> Callable:
    """The loop over the N entries of one array, as a plain function that numba can compile; s, s1 (S, N)."""
    rows, step = tuple(range(buffers)), lanes.step

    @register_jitable
    def update(p, g, s, h, p1, s1):
        for j in range(0, len(p), step()):
            new, after = rule(p[j], g[j], gather(s, j, rows), h)
            p1[j] = new
            scatter(s1, j, rows, after, ())

    update.__qualname__ = update.__name__ = f"update_{rule.__name__}"
    return update


class Optimiser(ABC):
    """An optimiser is its options; everything that changes is in the state, a flat dict of arrays:

    step            the number of steps made, an integer
    buffers/NAME    the buffers of parameter NAME, (S, *shape), in the order of ``buffers``
    """

    @property
    @abstractmethod
    def buffers(self) -> tuple[str, ...]:
        """The names of the buffers of a parameter."""

    @property
    @abstractmethod
    def rule(self) -> Rule:
        """The formula."""

    @abstractmethod
    def rates(self, step: int, learning_rate: float) -> tuple[float, ...]:
        """The numbers h of the rule at step number 1, 2, ..."""

    @property
    @abstractmethod
    def default_rate(self) -> float:
        """The learning rate of the options."""

    @guests("params")
    def initialise(self, params: Mapping[str, np.ndarray], target: str = "cpu") -> Arrays:
        """The state before the first step: buffers of zeros; of parameters on a device, with their target, there."""
        state: Arrays = {"step": np.array(0, np.int64)}
        for name, p in _arrays("params", params).items():
            state[f"buffers/{name}"] = zeros((len(self.buffers), *p.shape), p)
        return state

    @guests("params", "grads", "state", "out")
    def step(
        self,
        params: Mapping[str, np.ndarray],
        grads: Mapping[str, np.ndarray],
        state: Mapping[str, np.ndarray],
        learning_rate: float | None = None,
        out: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]] | None = None,
        target: str = "cpu",
    ) -> tuple[Arrays, Arrays]:
        """One step: new parameters and new state; nothing given is changed.

        learning_rate: that of this step (see ``refseq.optimisers.schedules``); None takes the one of the options.
        out: parameters and state whose arrays are written to, those given (a step in place, which reads and writes
            less memory) or others that share none with them. The step number in the result is new.
        target: where it runs, see ``refseq.targets``.
        All arrays are float32 or float64, of one dtype. Raises TypeError or ValueError naming the argument;
        RuntimeError where the target cannot run.
        """
        rate = self.default_rate if learning_rate is None else not_negative("learning_rate", learning_rate)
        params = _arrays("params", params)
        arguments.names("grads", grads, params)
        arguments.names("state", state, ["step", *(f"buffers/{name}" for name in params)])
        if out is not None:
            arguments.names("out[0]", out[0], params)
            arguments.names("out[1]", out[1], state)
        number = arguments.integer("state['step']", np.asarray(state["step"]).item(), 0) + 1
        after: tuple[Arrays, Arrays] = {}, {"step": np.array(number, np.int64)}
        updates = []
        for name, p in params.items():
            shape = (len(self.buffers), *p.shape)
            g = arguments.readable(f"grads[{name!r}]", grads[name], p.shape, p.dtype)
            s = arguments.readable(f"state['buffers/{name}']", state[f"buffers/{name}"], shape, p.dtype)
            if out is None:
                p1, s1 = result_like(p.shape, p), result_like(s.shape, p)
            else:
                p1 = arguments.writable(f"out[0][{name!r}]", out[0][name], p.shape, p.dtype)
                s1 = arguments.writable(f"out[1]['buffers/{name}']", out[1][f"buffers/{name}"], shape, p.dtype)
            updates.append((p, g, s, p1, s1))
            after[0][name], after[1][f"buffers/{name}"] = p1, s1
        if updates:
            self._update(updates, updates[0][0].dtype, self.rates(number, rate), target)
        return after

    def _update(
        self, updates: list[tuple[np.ndarray, ...]], dtype: np.dtype, rates: tuple[float, ...], target: str
    ) -> None:
        """Fill p1, s1 of every (p, g, s, p1, s1)."""
        count, device = len(self.buffers), device_for(target, dtype)
        if device is not None:
            device.run_updates(self.rule, count, build, rates, updates)
            return
        if on_vectors(name_of(dtype), target):
            run_updates(self.rule, count, build, rates, updates)
            return
        run = compiled(build(self.rule, count), name_of(dtype), self.rule)
        for p, g, s, p1, s1 in updates:
            rows = (count, p.size)
            h = tuple(dtype.type(rate) for rate in rates)
            run(p.reshape(-1), g.reshape(-1), s.reshape(rows), h, p1.reshape(-1), s1.reshape(rows))


def not_negative(name: str, value: Any) -> float:
    """A finite number >= 0."""
    if arguments.number(name, value) < 0:
        raise ValueError(f"{name}: expected a number >= 0, got {value}")
    return float(value)


def fraction(name: str, value: Any) -> float:
    """A number in [0, 1)."""
    if not 0 <= arguments.number(name, value) < 1:
        raise ValueError(f"{name}: expected a number in [0, 1), got {value}")
    return float(value)


def _arrays(what: str, given: Any) -> Arrays:
    """Arrays of one dtype, float32 or float64, copied where they are not native and contiguous."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{what}: expected a dict of arrays, got {type(given).__name__}")
    if not given:
        return {}
    dtype = arguments.common_dtype(given, ("float32", "float64"), "optimiser")
    return {name: arguments.readable(f"{what}[{name!r}]", a, a.shape, dtype) for name, a in given.items()}
