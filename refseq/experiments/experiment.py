"""What an experiment is."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from refseq import arguments
from refseq.experiments.statistics import Statement

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from xarray import Dataset

Value = int | float | str
Settings = dict[str, Value | tuple[Value, ...]]
Configuration = dict[str, Value]


@dataclass(frozen=True, eq=False)
class Experiment:
    """A measurement over a grid of configurations and over seeds, with its picture and what it says.

    measure     a pure function of a configuration and a seed; all its datasets have the same variables and shapes
    picture     draws the joined results: those of every configuration and seed, along axes of these names
    statements  sentences about the joined results, each decided by a test
    settings    by name a value, or a tuple of values: an axis of the grid
    quick       what replaces some of them for a quick look
    seeds, quick_seeds   how many seeds, counted from 0
    """

    name: str
    title: str
    sources: tuple[str, ...]
    settings: Settings
    measure: Callable[[Configuration, int], "Dataset"]
    picture: Callable[["Dataset"], "Figure"]
    statements: Callable[["Dataset"], list[Statement]]
    seeds: int = 20
    quick: Settings = field(default_factory=dict)
    quick_seeds: int = 6

    @property
    def module(self) -> str:
        """Where it is defined; workers import it from there."""
        return self.measure.__module__

    @property
    def text(self) -> str:
        """What its file says about it."""
        return (sys.modules[self.module].__doc__ or "").strip()

    def plan(self, changes: Mapping[str, Any] | None = None, seeds: int | None = None, quick: bool = False) -> "Plan":
        """What to measure. Raises ValueError or TypeError naming the setting for one that is unknown or of another
        type than the experiment's own."""
        settings = {**self.settings, **(self.quick if quick else {})}
        for name, value in (changes or {}).items():
            arguments.choice("setting", name, self.settings)
            settings[name] = _like(name, value, self.settings[name])
        usual = self.quick_seeds if quick else self.seeds
        return Plan(self, settings, arguments.integer("seeds", usual if seeds is None else seeds, 1))


def _like(name: str, value: Any, own: Any) -> Any:
    """The value, as numbers or words as the experiment's own; a tuple only where the experiment has an axis."""
    if isinstance(own, tuple):
        values = value if isinstance(value, tuple) else (value,)
        if len(set(values)) != len(values) or not values:
            raise ValueError(f"{name}: expected values that differ, got {values}")
        return tuple(_like(name, one, own[0]) for one in values)
    if isinstance(value, tuple):
        raise ValueError(f"{name}: expected one value, it is no axis of the grid; got {len(value)}")
    if isinstance(own, str):
        if not isinstance(value, str):
            raise TypeError(f"{name}: expected a word, got {value!r}")
        return value
    if isinstance(own, int):
        value = int(value) if isinstance(value, float) and value.is_integer() else value
        return arguments.integer(name, value, 1)
    return arguments.number(name, value)


@dataclass(frozen=True, eq=False)
class Plan:
    """An experiment with its settings and its number of seeds."""

    experiment: Experiment
    settings: Settings
    seeds: int

    @property
    def axes(self) -> dict[str, tuple[Value, ...]]:
        """The axes of the grid."""
        return {name: value for name, value in self.settings.items() if isinstance(value, tuple)}

    @property
    def size(self) -> int:
        """How many measurements there are."""
        count = self.seeds
        for values in self.axes.values():
            count *= len(values)
        return count

    def places(self) -> Iterator[tuple[tuple[int, ...], Configuration, int]]:
        """Every measurement: its place in the grid, the last index being the seed's, its configuration and seed."""
        axes = self.axes
        for place in product(*(range(len(values)) for values in axes.values())):
            chosen = {name: values[i] for (name, values), i in zip(axes.items(), place, strict=True)}
            configuration = {name: chosen.get(name, value) for name, value in self.settings.items()}
            for seed in range(self.seeds):
                yield (*place, seed), configuration, seed  # type: ignore[misc]
