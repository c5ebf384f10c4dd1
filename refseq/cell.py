"""The description of a recurrence: its stages, and the names of everything that they touch.

Most cells have one stage: for every gate g the affine map

    a_g = W_hx[g] x_t + W_hh[g] h_{t-1} + b_h[g]

and a function of one unit's slice of it. ``one_stage`` makes such a cell of two plain functions on tuples of scalars:

    forward(a, s, p)               -> (s1, tape)      new state, and what backward will want to know
    backward(tape, s, s1, p, ds1)  -> (da, ds, dp)    cotangents of a, of the old state, of the unit's own parameters

``separate`` gates have their recurrent product not added to a_g but handed over as a value of its own, after the others
(GRU with the reset gate after the product). Whatever does not fit (a gate that looks at what another stage has just
made, a matrix for what the cell gives out) is written as several stages: see ``refseq.stage``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from refseq.equations import equations
from refseq.layout import Layout
from refseq.stage import Product, Stage
from refseq.validation import validate


@dataclass(frozen=True)
class Source:
    """Where a recurrence comes from: the paper, and the claims of the lectures that state it."""

    paper: str
    lectures: tuple[str, ...]


@dataclass(frozen=True)
class Bias:
    """A bias that is added to these pre-activations. ``gates`` name the row that each of them takes, if some share one;
    by default every pre-activation has a row of its own."""

    name: str
    slots: tuple[str, ...]
    gates: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[str, ...]:
        """The names of the rows."""
        return tuple(dict.fromkeys(self.gates or self.slots))

    @property
    def row_of(self) -> Mapping[str, str]:
        """Every pre-activation with the name of the row that it takes."""
        return dict(zip(self.slots, self.gates or self.slots, strict=True))


@dataclass(frozen=True)
class Parameter:
    """A learned number of each unit, or one for all units (``shared``).

    ``bias``: left out by ``bias=False``, and then 0. ``initial``: its value in ``Layer.initialise``.
    """

    name: str
    bias: bool = False
    shared: bool = False
    initial: float = 0.0


@dataclass(frozen=True, eq=False)
class Cell:
    """One recurrence with its options settled. Raises ValueError if it is inconsistent.

    state      names; the first is the output
    gates      names of the blocks of the matrices, as findings show them
    constants  numbers that are not learned, handed to the stages after the parameters
    masks      arrays (T, B, H) that the caller gives along with x, handed over after the constants; no gradient
    sizes      which vectors do not have ``units`` entries: their size's name ("projection", "outputs")
    history    states that are nothing but older values of another state
    """

    name: str
    options: Mapping[str, object]
    gates: tuple[str, ...]
    state: tuple[str, ...]
    stages: tuple[Stage, ...]
    source: Source
    biases: tuple[Bias, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)
    masks: tuple[str, ...] = ()
    sizes: Mapping[str, str] = field(default_factory=dict)
    history: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("options", "constants", "sizes"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        validate(self)

    @cached_property
    def layout(self) -> Layout:
        """Where everything that the stages name is kept."""
        return Layout(self)

    @property
    def olds(self) -> tuple[str, ...]:
        """The old states that its stages may read: here those of the step before. A cell of a tree (``TreeCell``) reads
        the states of every child, one child after another."""
        return self.state

    @property
    def own(self) -> tuple[str, ...]:
        """Names of the per-unit parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    @cached_property
    def label(self) -> str:
        """Name with the options, as tables show it: ``gru(reset=before)``."""
        return labelled(self.name, self.options)

    @cached_property
    def code(self) -> str:
        """What the compiled code depends on: the options without the values of numbers, which are data, and what is
        made of them: which constants and sizes the cell has."""
        chosen = {key: value for key, value in self.options.items() if not isinstance(value, float)}
        return f"{self.name} {chosen} constants {list(self.constants)} sizes {dict(self.sizes)}"

    def symbol(self, vector: str) -> str:
        """How a vector is written in formulas: ``h_t`` for the new state h, ``h_(t-1)`` for the old one."""
        if vector in ("x", *self.state):
            return "x_t" if vector == "x" else f"{vector}_(t-1)"
        return f"{vector.removesuffix('1')}_t" if vector.removesuffix("1") in self.state else vector

    @cached_property
    def equations(self) -> tuple[str, ...]:
        """The cell's formulas as text, from its own functions; see ``refseq.equations``."""
        return equations(self)

    def __repr__(self) -> str:
        return f"<cell {self.label}: gates {' '.join(self.gates)}; state {' '.join(self.state)}>"


def labelled(name: str, options: Mapping[str, object]) -> str:
    """A name with its options: ``lstm(projection=2)``."""
    inside = ", ".join(f"{key}={value}" for key, value in options.items() if not _left_out(value))
    return f"{name}({inside})" if inside else name


def _left_out(value: object) -> bool:
    """Whether an option is not in a label: it is off, or not given. (0 is a number like others.)"""
    return value is None or value is False


def new(state: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the new values of these states."""
    return tuple(f"{name}1" for name in state)


def one_stage(
    *,
    gates: tuple[str, ...],
    state: tuple[str, ...],
    tape: tuple[str, ...],
    forward: Callable,
    backward: Callable,
    separate: tuple[str, ...] = (),
    **rest: Any,
) -> Cell:
    """A cell of one stage; see the module's text. ``rest`` are further fields of Cell."""
    apart = tuple(f"{gate}_h" for gate in separate)
    recurrent = tuple(f"{gate}_h" if gate in separate else gate for gate in gates)
    products = (Product("W_hx", "x", gates), Product("W_hh", "h", gates, recurrent))
    stage = Stage((*gates, *apart), products, new(state), forward, backward, tape)
    rest.setdefault("biases", (Bias("b_h", gates),))
    return Cell(gates=gates, state=state, stages=(stage,), **rest)
