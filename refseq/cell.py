"""The description of a recurrence: one unit's arithmetic, and the names of everything it touches.

A cell is the pointwise part of one time step. Around it the step computes, for every gate g, the affine map

    a_g = W_hx[g] x_t + W_hh[g] v + b_h[g]        v = h_{t-1}, unless the gate is modulated (below)

and hands the cell one unit's slice of it as tuples of scalars. The cell returns tuples of scalars:

    forward(a, s, p)               -> (s1, tape)      new state, and what backward will want to know
    backward(tape, s, s1, p, ds1)  -> (da, ds, dp)    cotangents of a, of the old state, of the unit's own parameters

Two things that some gated cells need are part of the description:

separate   gates whose recurrent product W_hh[g] v is not added to a_g but handed over as a value of its own, after the
           others (GRU with the reset gate after the product).
modulated  gates whose operand is not v = h_{t-1} but a vector that the cell makes of the gates before it and of the old
           state (GRU with the reset gate before the product, v = r * h_{t-1}):

               operand(a, s, p)                  -> (v, tape)         a: the early gates only
               operand_backward(tape, s, p, dv)  -> (da, ds, dp)      da: of the early gates only

           The cell's backward then returns da for the gates after the early ones.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType


@dataclass(frozen=True)
class Source:
    """Where a recurrence comes from: the paper, and the claims of the lectures that state it."""

    paper: str
    lectures: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Cell:
    """One recurrence with its options settled; see the module's text for the functions. Raises ValueError if it is
    inconsistent: names twice, gates unknown, or functions that return tuples of the wrong length."""

    name: str
    options: Mapping[str, object]
    gates: tuple[str, ...]
    state: tuple[str, ...]
    tape: tuple[str, ...]
    forward: Callable
    backward: Callable
    equations: tuple[str, ...]
    source: Source
    parameters: tuple[str, ...] = ()
    separate: tuple[str, ...] = ()
    early: tuple[str, ...] = ()
    modulated: tuple[str, ...] = ()
    operand_tape: tuple[str, ...] = ()
    operand: Callable | None = None
    operand_backward: Callable | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        _check_names(self)
        _check_arities(self)

    @cached_property
    def slots(self) -> tuple[int, ...]:
        """The pre-activation slot that receives the recurrent product of each gate."""
        extra = iter(range(len(self.gates), len(self.gates) + len(self.separate)))
        return tuple(next(extra) if gate in self.separate else g for g, gate in enumerate(self.gates))

    @property
    def values(self) -> int:
        """Number of pre-activations of one unit: a gate each, and one more for each separate product."""
        return len(self.gates) + len(self.separate)

    @property
    def direct(self) -> int:
        """Number of gates, counted from the first, whose operand is h_{t-1}."""
        return len(self.gates) - len(self.modulated)

    @property
    def stored(self) -> int:
        """Rows of the tape of one time step: the operand (if any), its tape, the cell's tape."""
        return len(self.tape) + len(self.operand_tape) + (1 if self.modulated else 0)

    @cached_property
    def label(self) -> str:
        """Name with the options, as tables show it: ``gru(reset=before)``."""
        inside = ", ".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}({inside})" if inside else self.name

    def __repr__(self) -> str:
        return f"<cell {self.label}: gates {' '.join(self.gates)}; state {' '.join(self.state)}>"


def _check_names(cell: Cell) -> None:
    for kind in ("gates", "state", "parameters", "tape", "operand_tape", "separate"):
        names = getattr(cell, kind)
        if len(set(names)) != len(names):
            raise ValueError(f"cell {cell.name}: {kind} has a name twice: {names}")
    if not cell.gates or not cell.state:
        raise ValueError(f"cell {cell.name}: needs at least one gate and one state, got {cell.gates} and {cell.state}")
    if cell.state[0] != "h":
        raise ValueError(f"cell {cell.name}: the first state is the output and is called 'h', got {cell.state[0]!r}")
    taken = set(cell.parameters) & {"W_hx", "W_hh", "b_h"}
    if taken:
        raise ValueError(f"cell {cell.name}: parameters {sorted(taken)} are names that every layer uses itself")
    for kind in ("separate", "early", "modulated"):
        unknown = set(getattr(cell, kind)) - set(cell.gates)
        if unknown:
            raise ValueError(f"cell {cell.name}: {kind} names unknown gates {sorted(unknown)}; gates are {cell.gates}")
    if cell.early != cell.gates[: len(cell.early)]:
        raise ValueError(f"cell {cell.name}: early gates {cell.early} must come first in {cell.gates}")
    if cell.modulated != cell.gates[cell.direct :]:
        raise ValueError(f"cell {cell.name}: modulated gates {cell.modulated} must come last in {cell.gates}")
    both = set(cell.early) & set(cell.modulated)
    if both:
        raise ValueError(f"cell {cell.name}: gates {sorted(both)} are both early and modulated")
    functions = (cell.operand is not None, cell.operand_backward is not None, bool(cell.modulated), bool(cell.early))
    if len(set(functions)) != 1:
        raise ValueError(
            f"cell {cell.name}: operand, operand_backward, early and modulated are given together or not at all"
        )


def _check_arities(cell: Cell) -> None:
    """Run the functions once on plain numbers and count what comes back."""
    states, values, own = len(cell.state), cell.values, len(cell.parameters)

    def numbers(count: int) -> tuple[float, ...]:
        return tuple(0.5 for _ in range(count))

    def expect(what: str, got: object, *lengths: int) -> None:
        parts = got if isinstance(got, tuple) else (got,)
        found = tuple(len(part) if isinstance(part, tuple) else type(part).__name__ for part in parts)
        if found != lengths:
            raise ValueError(f"cell {cell.name}: {what} must return tuples of lengths {lengths}, got {found}")

    s, p = numbers(states), numbers(own)
    expect("forward", cell.forward(numbers(values), s, p), states, len(cell.tape))
    back = cell.backward(numbers(len(cell.tape)), s, s, p, s)
    expect("backward", back, values - len(cell.early), states, own)
    if cell.operand is not None and cell.operand_backward is not None:
        expect("operand", cell.operand(numbers(len(cell.early)), s, p)[1:], len(cell.operand_tape))
        back = cell.operand_backward(numbers(len(cell.operand_tape)), s, p, 0.5)
        expect("operand_backward", back, len(cell.early), states, own)


@dataclass(frozen=True)
class Option:
    """A choice that a recurrence offers: the legal values, the default, and what it means."""

    choices: tuple[str, ...]
    default: str
    meaning: str

    def __post_init__(self) -> None:
        if self.default not in self.choices:
            raise ValueError(f"option: the default {self.default!r} is not one of {', '.join(self.choices)}")


@dataclass(frozen=True)
class Recurrence:
    """An entry of the catalogue: a family of cells that differ in their options."""

    name: str
    title: str
    build: Callable[..., Cell]
    options: Mapping[str, Option] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        accepted = set(inspect.signature(self.build).parameters)
        if accepted != set(self.options):
            raise ValueError(f"recurrence {self.name}: build takes {sorted(accepted)}, options {sorted(self.options)}")

    def cell(self, **options: str) -> Cell:
        """The cell with these options (defaults for the rest). Raises ValueError naming an unknown option or value."""
        for name, value in options.items():
            if name not in self.options:
                known = ", ".join(self.options) or "none"
                raise ValueError(f"{name!r} is not an option of {self.name!r} (its options: {known})")
            choices = self.options[name].choices
            if value not in choices:
                raise ValueError(f"{name}: expected one of {', '.join(choices)}; got {value!r}")
        settled = {name: options.get(name, option.default) for name, option in self.options.items()}
        return self.build(**settled)

    def variants(self) -> list[Cell]:
        """A cell for every value of every option, the other options at their defaults; the default cell first."""
        cells = [self.cell()]
        for name, option in self.options.items():
            cells += [self.cell(**{name: value}) for value in option.choices if value != option.default]
        return cells
