"""The stages of a time step. A stage fills pre-activations by affine maps, then applies a function to them.

Names of vectors in a description:

    x       the input                      h1, c1  the new values of the states h, c, made by a stage
    h, c    the old values of the states   others  vectors that one stage makes for later ones

A stage's function works on one unit at a time, on tuples of scalars:

    forward(a, s, p)                    -> (made, kept)
    backward(kept, s, made, p, dmade)   -> (da, ds, dp)

a: the stage's pre-activations; s: all old states, then the vectors of earlier stages that the stage ``sees``; p: the
cell's per-unit parameters, constants and masks; made: the vectors that it ``makes``; kept: what backward wants to know
besides. A stage may instead have an ``operation`` on whole vectors (``refseq.operations``), which makes one vector of
each of its pre-activations.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """Adds ``matrix[gate] operand`` to a pre-activation, for each of these gates: blocks of the matrix, which are next
    to one another in it. Without a matrix: adds the operand itself.

    ``slots`` name the pre-activations; by default they are called like the gates.
    """

    matrix: str | None
    operand: str
    gates: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()

    @property
    def into(self) -> tuple[str, ...]:
        """The pre-activations that receive the product."""
        return self.slots or self.gates


@dataclass(frozen=True)
class Stage:
    """One stage: see the module's text. ``size`` names the number of units of everything in it."""

    slots: tuple[str, ...]
    products: tuple[Product, ...]
    makes: tuple[str, ...]
    forward: Callable | None = None
    backward: Callable | None = None
    keeps: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()
    operation: str | None = None
    size: str = "units"
