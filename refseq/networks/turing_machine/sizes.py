"""The sizes of a Turing machine: what follows from them, and the names of everything that it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from refseq import arguments
from refseq.cell import Cell, labelled
from refseq.networks.packing import Part
from refseq.networks.turing_machine import passes
from refseq.networks.turing_machine.activations import SCALARS
from refseq.networks.turing_machine.controllers import CONTROLLERS, REMEMBERED

EPSILON = 2.0**-26
"""What the squares of a vector's length are increased by: exact in every precision."""


@dataclass(frozen=True)
class Sizes:
    """Sizes and options, checked. Raises TypeError or ValueError naming the argument."""

    inputs: int
    outputs: int
    units: int
    locations: int
    width: int
    controller: str = "feedforward"
    reads: int = 1
    writes: int = 1
    shift: int = 1
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs", "units", "locations", "width", "reads", "writes"):
            arguments.integer(name, getattr(self, name), 1)
        arguments.choice("controller", self.controller, CONTROLLERS)
        if self.locations < 2 * arguments.integer("shift", self.shift, 0) + 1:
            most = (self.locations - 1) // 2
            raise ValueError(f"shift: expected at most {most} for {self.locations} locations, got {self.shift}")
        if not 0 < arguments.number("epsilon", self.epsilon) <= 1:
            raise ValueError(f"epsilon: expected 0 < epsilon <= 1, got {self.epsilon}")

    @property
    def plan(self) -> passes.Plan:
        """What the compiled code depends on."""
        return passes.Plan(self.controller, self.reads, self.writes, 2 * self.shift + 1)

    @property
    def cell(self) -> Cell:
        """The controller's."""
        return CONTROLLERS[self.controller]()

    @cached_property
    def part(self) -> Part:
        """The controller with its sizes: its input is x and all that was read."""
        inputs = self.inputs + self.reads * self.width
        return Part(self.cell, 0, 0, 0, "", {"inputs": inputs, "units": self.units}, True)

    @property
    def fields(self) -> Mapping[str, slice]:
        """Where a head's numbers are among the rows of W_read and W_write, by name; erase and add in W_write alone."""
        first, last = self.width + SCALARS, self.width + SCALARS + 2 * self.shift + 1
        found = {"key": slice(0, self.width), "shift": slice(first, last)}
        found |= {name: slice(k, k + 1) for k, name in enumerate(("strength", "gate", "sharpen"), self.width)}
        return found | {"erase": slice(last, last + self.width), "add": slice(last + self.width, last + 2 * self.width)}

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name: the controller's, the heads', the output's."""
        inner, outer = self.fields["shift"].stop, self.fields["add"].stop
        return self.part.shapes() | {
            "W_read": (self.reads, inner, self.units),
            "b_read": (self.reads, inner),
            "W_write": (self.writes, outer, self.units),
            "b_write": (self.writes, outer),
            "W_yh": (1, self.outputs, self.units),
            "W_yr": (self.reads, self.outputs, self.width),
            "b_y": (1, self.outputs),
        }

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states."""
        return ("memory", "weights", "reads", *REMEMBERED[self.controller])

    def state_shape(self, rows: int, name: str) -> tuple[int, ...]:
        """Shape of a state for so many rows."""
        return {
            "memory": (rows, self.locations, self.width),
            "weights": (rows, self.reads + self.writes, self.locations),
            "reads": (rows, self.reads, self.width),
        }.get(name, (rows, self.units))

    @property
    def axes(self) -> Mapping[str, tuple[str, ...]]:
        """What the axes of every array are (``refseq.checks.tensors.System``)."""
        matrices = dict.fromkeys(self.part.matrix_names, ("gate", "unit", "input"))
        heads = {f"{kind}_{name}": ("head", "number", "unit")[:n] for name in ("read", "write") for kind, n in WEIGHTS}
        states = {"memory": ("row", "location", "entry"), "weights": ("row", "head", "location")}
        states |= {"reads": ("row", "head", "entry")} | dict.fromkeys(REMEMBERED[self.controller], ("row", "unit"))
        return {
            **matrices,
            "b_h": ("gate", "unit"),
            **heads,
            "W_yh": ("gate", "output", "unit"),
            "W_yr": ("head", "output", "entry"),
            "b_y": ("gate", "output"),
            "x": ("time", "row", "input"),
            "y": ("time", "row", "output"),
            **{f"{before}state[{name}]": axes for name, axes in states.items() for before in ("", "d")},
        }

    @property
    def label(self) -> str:
        """What it is, with its options."""
        options = {"controller": self.controller, "reads": self.reads, "writes": self.writes, "shift": self.shift}
        return labelled("turing machine", options)

    @property
    def sizes(self) -> str:
        """The sizes in words."""
        return f"{self.inputs}->{self.outputs} {self.units} units {self.locations}x{self.width}"

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"


WEIGHTS = (("W", 3), ("b", 2))
"""What a head has, and how many axes."""
