"""Sequences of the launches of attention, made once for the sizes they are for."""

from collections.abc import Sequence
from functools import cached_property, lru_cache

from refseq.engine import threads
from refseq.launches import Part
from refseq.networks.attention.keys import Keys
from refseq.networks.attention.looks import Looks
from refseq.networks.attention.matrices import Matrix, Precision
from refseq.networks.attention.scores import ADDITIVE, PRODUCT
from refseq.relay import Relay

OF_KEYS, OF_QUERIES, OF_SUM = ("W_k", "W_qk"), "W_q", "v"
"""Names of parameters: the matrix of the keys, that of the queries, and what weighs their sum."""
SIZES = 64
"""As many are remembered."""


class Plan:
    """For keys of these sizes; ``sizes`` are those that ``plan_of`` takes."""

    def __init__(self, keys: Keys, sizes: tuple) -> None:
        self.keys, self.sizes = keys, sizes
        self._looks = lru_cache(maxsize=SIZES)(lambda steps: LookPlan(self, steps))

    def __reduce__(self) -> tuple:
        return plan_of, self.sizes

    def relay(self, *parts: Part) -> Relay:
        """These parts one after another."""
        return Relay(parts, self.keys.precision.dtype, self.keys.precision.target)

    @cached_property
    def ready(self) -> Relay:
        """Keys alone."""
        return self.relay(self.keys.ready())

    @cached_property
    def clear(self) -> Relay:
        """Of the sums of gradients."""
        return self.relay(Looks(self.keys, 0).clear())

    @cached_property
    def finish(self) -> Relay:
        """Gradients after all looks."""
        return self.relay(Looks(self.keys, 0).finish())

    def look(self, steps: int) -> "LookPlan":
        """Of so many queries."""
        return self._looks(steps)


class LookPlan:
    """For looks of so many queries at the keys of a plan."""

    def __init__(self, plan: Plan, steps: int) -> None:
        self._plan, self._looks = plan, Looks(plan.keys, steps)
        self.backward = lru_cache(maxsize=None)(self._backward)

    @cached_property
    def again(self) -> Relay:
        """At keys that are ready."""
        return self._plan.relay(self._looks.forward())

    @cached_property
    def first(self) -> Relay:
        """At keys that are made ready before."""
        return self._plan.relay(self._plan.keys.ready(), self._looks.forward())

    def _backward(self, weighed: bool, alone: bool) -> Relay:
        """``weighed``: there are cotangents of the weights. ``alone``: it is the only look; gradients are finished."""
        parts = [self._looks.add(weighed)]
        if alone:
            parts = [self._looks.clear(), *parts, self._looks.finish()]
        return self._plan.relay(*parts)


@lru_cache(maxsize=SIZES)
def _plan(
    precision: Precision,
    rows: int,
    steps: int,
    features: tuple[int, int, int],
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    streaming: bool,
    _threads: int,
) -> Plan:
    matrices = {name: Matrix(name, shape[0], shape[1], precision) for name, shape in shapes if len(shape) > 1}
    of_keys = next((matrices[name] for name in OF_KEYS if name in matrices), None)
    kind = ADDITIVE if OF_SUM in dict(shapes) else PRODUCT
    keys = Keys(precision, rows, steps, features, kind, matrices.get(OF_QUERIES), of_keys, streaming)
    return Plan(keys, (precision, rows, steps, features, shapes, streaming))


def plan_of(
    precision: Precision,
    rows: int,
    steps: int,
    features: tuple[int, int, int],
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    streaming: bool,
) -> Plan:
    """For keys of so many rows and steps; features of a query, a key and a value; shapes of the parameters."""
    return _plan(precision, rows, steps, features, tuple(shapes), streaming, threads.count())


@lru_cache(maxsize=SIZES)
def precision_of(target: str, dtype: str) -> Precision:
    """The only one of these."""
    return Precision(target, dtype)
