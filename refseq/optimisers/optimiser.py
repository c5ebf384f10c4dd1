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
from refseq.columns import gather, scatter
from refseq.kernels import compiled

Arrays = dict[str, np.ndarray]
Rule = Callable[[Any, Any, tuple, tuple], tuple[Any, tuple]]


@cache
def build(rule: Rule, buffers: int) -> Callable:
    """The loop over the N entries of one array, as a plain function that numba can compile; s, s1 (S, N)."""
    rows = tuple(range(buffers))

    @register_jitable
    def update(p, g, s, h, p1, s1):
        for j in range(p.shape[0]):
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

    def initialise(self, params: Mapping[str, np.ndarray]) -> Arrays:
        """The state before the first step: buffers of zeros."""
        state: Arrays = {"step": np.array(0, np.int64)}
        for name, p in _arrays("params", params).items():
            state[f"buffers/{name}"] = np.zeros((len(self.buffers), *p.shape), p.dtype)
        return state

    def step(
        self,
        params: Mapping[str, np.ndarray],
        grads: Mapping[str, np.ndarray],
        state: Mapping[str, np.ndarray],
        learning_rate: float | None = None,
    ) -> tuple[Arrays, Arrays]:
        """One step: new parameters and new state; nothing given is changed.

        learning_rate: that of this step (see ``refseq.optimisers.schedules``); None takes the one of the options.
        All arrays are float32 or float64, of one dtype. Raises TypeError or ValueError naming the argument.
        """
        rate = self.default_rate if learning_rate is None else not_negative("learning_rate", learning_rate)
        params = _arrays("params", params)
        arguments.names("grads", grads, params)
        arguments.names("state", state, ["step", *(f"buffers/{name}" for name in params)])
        number = arguments.integer("state['step']", np.asarray(state["step"]).item(), 0) + 1
        after: tuple[Arrays, Arrays] = {}, {"step": np.array(number, np.int64)}
        for name, p in params.items():
            shape = (len(self.buffers), *p.shape)
            g = arguments.array(f"grads[{name!r}]", grads[name], p.shape, p.dtype)
            s = arguments.array(f"state['buffers/{name}']", state[f"buffers/{name}"], shape, p.dtype)
            h = tuple(p.dtype.type(value) for value in self.rates(number, rate))
            run = compiled(build(self.rule, len(self.buffers)), str(p.dtype), self.rule)
            p1, s1 = np.empty_like(p), np.empty_like(s)
            flat = (len(self.buffers), p.size)
            run(p.reshape(-1), g.reshape(-1), s.reshape(flat), h, p1.reshape(-1), s1.reshape(flat))
            after[0][name], after[1][f"buffers/{name}"] = p1, s1
        return after


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
    """Private copies of arrays of one dtype, float32 or float64."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{what}: expected a dict of arrays, got {type(given).__name__}")
    if not given:
        return {}
    dtype = arguments.common_dtype(given, ("float32", "float64"), "optimiser")
    return {name: arguments.array(f"{what}[{name!r}]", a, a.shape, dtype) for name, a in given.items()}
