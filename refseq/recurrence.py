"""An entry of the catalogue: a family of cells, and the options in which they differ."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

import numpy as np

from refseq.cell import Cell
from refseq.regularise import REGULARISERS


@dataclass(frozen=True)
class Option:
    """A choice that a recurrence offers: the legal values, the default, and what it means."""

    choices: tuple[str | bool, ...]
    default: str | bool
    meaning: str

    def __post_init__(self) -> None:
        if self.default not in self.choices:
            raise ValueError(f"option: the default {self.default!r} is not one of {', '.join(map(str, self.choices))}")

    @property
    def examples(self) -> tuple:
        """Every choice."""
        return self.choices

    def settled(self, name: str, value: object) -> object:
        """The value, if it is legal. Raises ValueError naming the option."""
        if not any(type(value) is type(choice) and value == choice for choice in self.choices):
            raise ValueError(f"{name}: expected one of {', '.join(map(str, self.choices))}; got {value!r}")
        return value


@dataclass(frozen=True)
class Number:
    """A real number with low < value < high, or also equal to one of them if ``closed``; ``default`` may be None for
    "without"."""

    default: float | None
    meaning: str
    low: float
    high: float
    examples: tuple
    closed: bool = False

    def settled(self, name: str, value: object) -> float | None:
        """The value as a float, if it is legal. Raises TypeError or ValueError naming the option."""
        if value is None and self.default is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise TypeError(f"{name}: expected a number, got {type(value).__name__} {value!r}")
        try:
            number = float(value)
        except OverflowError:  # an integer beyond every float
            number = float("nan")
        if not (self.low < number < self.high or (self.closed and number in (self.low, self.high))):
            raise ValueError(f"{name}: expected a number between {self.low:g} and {self.high:g}, got {value}")
        return number


@dataclass(frozen=True)
class Size:
    """An integer from 1 to ``most``, or ``default``. ``own``: the name of a vector size of the cell (``Cell.sizes``),
    which is the layer's affair: ``build`` is told only whether it was given. Otherwise build gets the integer."""

    default: int | None
    meaning: str
    own: bool
    examples: tuple
    most: int | None = None

    def settled(self, name: str, value: object) -> int | None:
        """The value, if it is legal. Raises TypeError or ValueError naming the option."""
        if value is None and self.default is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f"{name}: expected an integer, got {type(value).__name__} {value!r}")
        if value < 1:
            raise ValueError(f"{name}: expected at least 1, got {value}")
        if self.most is not None and value > self.most:
            raise ValueError(f"{name}: expected at most {self.most}, got {value}")
        return int(value)


AnyOption = Option | Number | Size


@dataclass(frozen=True, eq=False)
class Recurrence:
    """A family of cells that differ in their options: those of ``build``, and those of every cell
    (``refseq.regularise``), unless not ``regularised``."""

    name: str
    title: str
    build: Callable[..., Cell]
    options: Mapping[str, AnyOption] = field(default_factory=dict)
    regularised: bool = True

    def __post_init__(self) -> None:
        parameters = inspect.signature(self.build).parameters.values()
        accepted = {parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD}
        missing = set(self.options) - accepted
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            missing = set()
        if missing or not accepted <= set(self.options):
            raise ValueError(f"recurrence {self.name}: build takes {sorted(accepted)}, options {sorted(self.options)}")
        every = {
            name: Option((False, True), False, meaning)
            for name, (_, meaning) in REGULARISERS.items()
            if self.regularised
        }
        object.__setattr__(self, "options", MappingProxyType({**self.options, **every}))

    def settle(self, **options: object) -> dict[str, object]:
        """All options, with defaults for those not given. Raises ValueError or TypeError naming an unknown option or
        value."""
        for name in options:
            if name not in self.options:
                known = ", ".join(self.options) or "none"
                raise ValueError(f"{name!r} is not an option of {self.name!r} (its options: {known})")
        return {name: option.settled(name, options.get(name, option.default)) for name, option in self.options.items()}

    def sizes(self, **options: object) -> dict[str, int]:
        """The sizes of the cell's own that were given, by name."""
        settled = self.settle(**options)
        return {name: settled[name] for name in self.own_sizes if settled[name] is not None}  # type: ignore[misc]

    def cell(self, **options: object) -> Cell:
        """The cell with these options; the same options give the same object."""
        settled = self.settle(**options)
        given = {name: settled[name] is not None for name in self.own_sizes}
        return _built(self, tuple((settled | given).items()))

    def again(self, options: Mapping[str, object]) -> Cell:
        """The cell whose ``options`` these are: of a size of its own a cell knows only whether it was given."""
        given = {name: 1 if value else None for name, value in options.items() if name in self.own_sizes}
        return self.cell(**{**options, **given})

    def variants(self) -> list[Mapping[str, object]]:
        """Options for every example of every option, the others at their defaults; the defaults first."""
        found: list[Mapping[str, object]] = [{}]
        for name, option in self.options.items():
            found += [{name: value} for value in option.examples if value != option.default]
        return found

    @property
    def own_sizes(self) -> list[str]:
        """The options that are sizes of the cell's own."""
        return [name for name, option in self.options.items() if isinstance(option, Size) and option.own]


Catalogue = Callable[[], Mapping[str, Recurrence]]
"""A function that can be imported by name."""


def reduced(cell: Cell, catalogue: Catalogue) -> tuple:
    """How a cell of a catalogue is pickled and copied: by name and options. Raises TypeError for any other one."""
    recurrence = catalogue().get(cell.name)
    if recurrence is None or recurrence.again(cell.options) is not cell:
        raise TypeError(f"{cell!r} cannot be pickled or copied: it is none of the catalogue's")
    return _restored, (catalogue, cell.name, dict(cell.options))


def _restored(catalogue: Catalogue, name: str, options: Mapping[str, object]) -> Cell:
    return catalogue()[name].again(options)


@cache
def _built(recurrence: Recurrence, options: tuple[tuple[str, object], ...]) -> Cell:
    given = dict(options)
    chosen = [name for name in REGULARISERS if given.pop(name, False)]
    cell = recurrence.build(**given)
    for name in chosen:
        cell = REGULARISERS[name][0](cell)
    return cell
