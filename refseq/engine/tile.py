"""The register tile of the matrix products: C[r, :] += sum_k A[r, k] B[k, :] for a few rows r and a few vectors.

The tile's entries stay in registers during the loop over k; every entry is one chain of fused multiply-adds, k upward,
that begins with the entry's old value. So its bits depend neither on the tile's size nor on where the loop was cut.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import types

from refseq.engine.vector import Vector, call, float_type, intrinsic, register_bytes, vector_type

WIDE = 2
"""Vectors of a panel of B."""
FEW = 3
"""So few rows take several panels at a time, if registers hold their tile, or it would not fill the pipeline."""
REGISTERS = 16 if register_bytes() == 32 else 32
UNROLL = 4
I64 = ir.IntType(64)


def most_rows(panels: int) -> int:
    """Rows of a tile of so many panels at most: its entries, the entries of A or B that wait, whichever are fewer, and
    the other one's are in registers."""
    vectors = WIDE * panels
    return max(rows for rows in range(1, 9) if rows * vectors + min(rows, vectors) + 1 <= REGISTERS)


ROWS = most_rows(1)
"""Most rows of a tile."""


@dataclass(frozen=True)
class Shape:
    """rows x vectors of a tile, the vectors in panels of B that are ``apart`` (an address step) from one another."""

    rows: int
    vectors: int
    panels: int = 1


@cache
def tiles(element: types.Float, vectors: int, most: int, panels: int = 1, turned: bool = False) -> Callable:
    """f(rows, A, lda, count, B, apart, C, ldc): the tile of 1 <= rows <= most, by the loop of that number.

    A, B, C are addresses; lda and ldc, entries between rows; ``apart``, entries between panels of B. Row k of a panel
    has ``vectors`` vectors, one row after another. ``turned``: A is stored by k, and entry (r, k) is A[k lda + r].
    """

    @intrinsic
    def tile(typing: Any, rows: Any, A: Any, lda: Any, count: Any, B: Any, apart: Any, C: Any, ldc: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows, *rest = arguments
            end = builder.append_basic_block("end")
            blocks = [builder.append_basic_block(f"rows{m}") for m in range(1, most + 1)]
            switch = builder.switch(rows, blocks[-1])
            for m, block in enumerate(blocks, 1):
                switch.add_case(ir.Constant(I64, m), block)
                builder.position_at_end(block)
                _Tile(builder, vector_type(element), Shape(m, vectors, panels), turned, rest).emit()
                builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 8), generate

    return tile


class _Tile:
    """The instructions of one tile."""

    def __init__(self, builder: Any, kind: Vector, shape: Shape, turned: bool, given: list[Any]) -> None:
        A, self.lda, self.count, B, self.apart, C, self.ldc = given
        self.builder, self.shape, self.turned = builder, shape, turned
        self.lanes, self.align = kind.count, kind.element.bitwidth // 8
        entry = float_type(kind.element)
        self.vector = ir.VectorType(entry, kind.count)
        self.A, self.B, self.C = (builder.inttoptr(address, entry.as_pointer()) for address in (A, B, C))

    def emit(self) -> None:
        b, many = self.builder, ir.Constant(I64, -UNROLL)
        whole = b.and_(self.count, many)
        total = self._loop(
            "many", ir.Constant(I64, 0), whole, UNROLL, [b.load(p, align=self.align) for p in self._places()]
        )
        total = self._loop("one", whole, self.count, 1, total)
        for place, value in zip(self._places(), total, strict=True):
            b.store(value, place, align=self.align)

    def _places(self) -> list[Any]:
        """Where the tile's vectors are in C."""
        b, vectors = self.builder, self.shape.vectors * self.shape.panels
        return [
            self._vector_at(b.gep(self.C, [b.mul(self.ldc, ir.Constant(I64, r))]), j * self.lanes)
            for r in range(self.shape.rows)
            for j in range(vectors)
        ]

    def _vector_at(self, pointer: Any, entry: int) -> Any:
        b = self.builder
        return b.bitcast(b.gep(pointer, [ir.Constant(I64, entry)]), self.vector.as_pointer())

    def _loop(self, name: str, first: Any, last: Any, step: int, start: list[Any]) -> list[Any]:
        """The sums after first <= k < last, ``step`` at a time."""
        b, before = self.builder, self.builder.block
        body, after = b.append_basic_block(name), b.append_basic_block(f"after_{name}")
        b.cbranch(b.icmp_signed("<", first, last), body, after)
        b.position_at_end(body)
        k = b.phi(I64)
        sums = [b.phi(self.vector) for _ in start]
        k.add_incoming(first, before)
        new: list[Any] = list(sums)
        for u in range(step):
            new = self._add(new, b.add(k, ir.Constant(I64, u)))
        following = b.add(k, ir.Constant(I64, step))
        k.add_incoming(following, b.block)
        for phi, begin, value in zip(sums, start, new, strict=True):
            phi.add_incoming(begin, before)
            phi.add_incoming(value, b.block)
        loop_end = b.block
        b.cbranch(b.icmp_signed("<", following, last), body, after)
        b.position_at_end(after)
        result = [b.phi(self.vector) for _ in start]
        for phi, begin, value in zip(result, start, new, strict=True):
            phi.add_incoming(begin, before)
            phi.add_incoming(value, loop_end)
        return list(result)

    def _add(self, sums: list[Any], k: Any) -> list[Any]:
        """One k."""
        b, shape = self.builder, self.shape
        row = b.gep(self.B, [b.mul(k, ir.Constant(I64, shape.vectors * self.lanes))])
        panels = [b.gep(row, [b.mul(self.apart, ir.Constant(I64, p))]) for p in range(shape.panels)]
        places = [self._vector_at(panel, v * self.lanes) for panel in panels for v in range(shape.vectors)]
        new = list(sums)
        if shape.rows < len(places):  # the fewer wait in registers
            left = [self._spread(b.load(self._left(r, k), align=self.align)) for r in range(shape.rows)]
            for j, place in enumerate(places):
                right = b.load(place, align=self.align)
                for r, value in enumerate(left):
                    new[r * len(places) + j] = call(b, "fma", value, right, sums[r * len(places) + j])
        else:
            rights = [b.load(place, align=self.align) for place in places]
            for r in range(shape.rows):
                left = self._spread(b.load(self._left(r, k), align=self.align))
                for j, right in enumerate(rights):
                    new[r * len(places) + j] = call(b, "fma", left, right, sums[r * len(places) + j])
        return new

    def _left(self, r: int, k: Any) -> Any:
        b, number = self.builder, ir.Constant(I64, r)
        entry = b.add(b.mul(k, self.lda), number) if self.turned else b.add(b.mul(self.lda, number), k)
        return b.gep(self.A, [entry])

    def _spread(self, scalar: Any) -> Any:
        """A vector of equal entries."""
        b, nothing = self.builder, ir.Constant(self.vector, ir.Undefined)
        one = b.insert_element(nothing, scalar, ir.Constant(ir.IntType(32), 0))
        return b.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes))
