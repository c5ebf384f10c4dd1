"""The launches of W x for every token, forward and backward, and in what they compute."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from refseq.kernels import on_vectors
from refseq.launches import KEPT, PASSING, RESULT, SCRATCH, Array, Launch
from refseq.networks.attention import affine, tokens
from refseq.networks.attention.kit import Kit, plain_kit
from refseq.networks.attention.vector_kit import vector_kit

ROWS = "rows"
"""The family of what a row of the batch does for itself."""

Arrays = dict[str, Array]


@dataclass(frozen=True)
class Precision:
    """Where and in what is computed."""

    target: str
    dtype: str

    def __reduce__(self) -> tuple:
        return Precision, (self.target, self.dtype)

    @cached_property
    def options(self) -> tuple[Callable, str]:
        """Of the rows' functions: where the kit is from."""
        return (vector_kit, self.dtype) if on_vectors(self.dtype, self.target) else (plain_kit, "")

    @cached_property
    def kit(self) -> Kit:
        """What is computed with."""
        make, dtype = self.options
        return make(dtype)

    @cached_property
    def by_address(self) -> bool:
        """Whether relays may be given addresses in place of arrays."""
        return on_vectors(self.dtype, self.target)

    @cached_property
    def tools(self) -> np.ndarray:
        """Of the kit."""
        return self.kit.tools()


@dataclass(frozen=True)
class Matrix:
    """A matrix (A, D) by name, and how it is used: y = W x for tokens (T, R, D)."""

    name: str
    units: int
    features: int
    precision: Precision

    @property
    def arrays(self) -> Arrays:
        """Its own."""
        name, a, d, kit = self.name, self.units, self.features, self.precision.kit
        wide, rooms = (kit.width(a), kit.width(d)), ((kit.width(d), kit.width(a), 0), (kit.width(a), kit.width(d), 0))
        return {
            name: Array((a, 1, d)),
            f"{name}_flat": Array((a, d), of=name),
            f"{name}_turned": Array((1, kit.room(rooms[0])), KEPT),
            f"{name}_straight": Array((1, kit.room(rooms[1])), KEPT),
            f"{name}_padded": Array(wide, SCRATCH),
        }

    @property
    def sums(self) -> Arrays:
        """Its gradient."""
        width = self.precision.kit.width
        wide = width(self.units), width(self.features)
        return {
            f"sum_{self.name}": Array((1, *wide), KEPT),
            f"sum_{self.name}_flat": Array(wide, KEPT, f"sum_{self.name}"),
        }

    @property
    def ready(self) -> Launch:
        """Packs it, where the kit packs matrices."""
        rows = 2 if self.precision.kit.panels(self.features) else 0
        made, padded = (f"{self.name}_turned", f"{self.name}_straight"), (f"{self.name}_padded",)
        how = self.precision.options, rows, (self.name,), made, padded, 32, self.units * self.features, "matrices"
        return Launch(affine.build_packed, *how)

    def forward(self, rows: int, x: str, counts: str, y: str, work: int) -> Launch:
        """Of dense x, dense y."""
        given = (x, f"{self.name}_flat", f"{self.name}_turned", counts, "tools")
        work *= self.units * self.features
        return Launch(affine.build_forward, self.precision.options, rows, given, (y,), (), self.units, work, ROWS)

    def backward(self, rows: int, dy: str, counts: str, places: str, dx: str, steps: int) -> tuple[Launch, Arrays]:
        """Of dense dy, the caller's dx."""
        given, made = (dy, f"{self.name}_flat", f"{self.name}_straight", counts, places, "tools"), f"{dx}_made"
        work = steps * self.units * self.features
        arrays = {made: Array((steps, self.precision.kit.width(self.features)), SCRATCH)}
        how = self.precision.options, rows, given, (dx,), (made,), self.features, work, ROWS
        return Launch(affine.build_backward, *how), arrays

    def clear(self) -> Launch:
        """The gradient becomes 0."""
        return Launch(tokens.build_clear, self.precision.options, 1, (), (f"sum_{self.name}",), family="sums")

    def gradient(self, x: str, dy: str, count: int) -> tuple[list[Launch], Arrays]:
        """Adds that of dense x and dy of so many tokens, (count, width)."""
        kit, options = self.precision.kit, self.precision.options
        width, height = kit.width(self.features), kit.width(self.units)
        name, packed = f"room_{self.name}", f"{x}_packed"
        arrays = {
            f"{x}_flat": Array((count, width), of=x),
            f"{dy}_flat": Array((count, height), of=dy),
            packed: Array((1, kit.room((count, width, 0))), PASSING),
            name: Array((kit.room((count, affine.BLOCK, 0)),), SCRATCH),
        }
        given, panels = (f"{x}_flat", packed, f"{dy}_flat", "tools"), kit.panels(width)
        work, blocks = count * affine.BLOCK * width, -(-height // affine.BLOCK)
        ready = Launch(affine.build_panel, options, panels, (f"{x}_flat",), (packed,), (), 1, count * 4, "panels")
        how = (affine.BLOCK, *options), blocks, given, (f"sum_{self.name}_flat",), (name,), width, work, "gradients"
        return [ready, Launch(affine.build_gradient, *how)], arrays

    def cut(self) -> tuple[Launch, Arrays]:
        """The gradient as the caller has it, (A, 1, D)."""
        made, given = f"d{self.name}", (f"sum_{self.name}_flat",)
        how = self.precision.options, self.units, given, (made,), (), 32, self.features, "cut"
        return Launch(affine.build_cut, *how), {made: Array((self.units, 1, self.features), RESULT)}


def gathered(precision: Precision, rows: int, x: str, counts: str, places: str, dense: str, work: int) -> Launch:
    """The tokens that count of x."""
    return Launch(tokens.build_gather, precision.options, rows, (x, counts, places), (dense,), (), 32, work, ROWS)


def scattered(precision: Precision, rows: int, dense: str, counts: str, places: str, x: str, work: int) -> Launch:
    """The inverse."""
    return Launch(tokens.build_scatter, precision.options, rows, (dense, counts, places), (x,), (), 32, work, ROWS)
