"""The launches that make keys and values ready, for sizes.

Arrays by name: ``keys`` and ``values`` are the caller's, (T, R, n). Dense ones: ``raw`` keys as they came, ``k`` after
their matrix, ``v``, and ``u`` of the additive score.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from refseq.launches import KEPT, WHOLE, Array, Launch, Part
from refseq.networks.attention.matrices import Arrays, Matrix, Precision, gathered
from refseq.networks.attention.scores import ADDITIVE

BLOCK = 32
"""Keys that the streaming form takes at a time."""


@dataclass(frozen=True, eq=False)
class Keys:
    """Keys (Tk, R, E) and values (Tk, R, V), the matrices of queries and keys if there are any, and the score."""

    precision: Precision
    rows: int
    steps: int
    features: tuple[int, int, int]
    kind: str
    of_queries: Matrix | None = None
    of_keys: Matrix | None = None
    streaming: bool = False

    @cached_property
    def block(self) -> int:
        """Keys that the streaming form takes at a time."""
        return max(1, min(BLOCK, self.wide(self.steps)))

    @cached_property
    def tall(self) -> int:
        """Rows of dense keys: whole blocks, or vectors."""
        if not self.streaming:
            return self.wide(self.steps)
        return -(-self.steps // self.block) * self.block

    def wide(self, n: int) -> int:
        """Columns of a dense array."""
        return self.precision.kit.width(n)

    @cached_property
    def width(self) -> int:
        """Columns of what the score is taken of."""
        return self.wide(self.of_keys.units if self.of_keys else self.features[1])

    @property
    def value_width(self) -> int:
        """Columns of dense values."""
        return self.wide(self.features[2])

    @property
    def common(self) -> Arrays:
        """Of all passes: whole numbers, and what keys were made into."""
        whole = {"sizes": (self.rows, 4), "places": (self.rows, self.steps), "k_counts": (self.rows,), "tools": (2,)}
        arrays = {name: Array(shape, WHOLE) for name, shape in whole.items()}
        dense = {"k": self.width, "v": self.value_width}
        arrays |= {name: Array((self.rows, self.tall, width)) for name, width in dense.items()}
        for matrix in (self.of_queries, self.of_keys):
            if matrix:
                arrays |= {name: Array(array.shape, of=array.of) for name, array in matrix.arrays.items()}
        if self.of_keys:
            arrays["raw"] = Array((self.rows, self.tall, self.wide(self.features[1])))
        return arrays | {"u_made": Array((1, 1, self.width)), "u": Array((1, self.width), of="u_made")}

    def ready(self) -> Part:
        """Keys and values dense, keys after their matrix; matrices packed."""
        _, e, v = self.features
        made = {name: Array(self.common[name].shape, KEPT) for name in ("k", "v", "u_made")}
        arrays = {"keys": Array((self.steps, self.rows, e)), "values": Array((self.steps, self.rows, v))} | made
        launches = []
        for matrix in (self.of_queries, self.of_keys):
            if matrix:
                arrays |= matrix.arrays
                launches.append(matrix.ready)
        if self.kind == ADDITIVE:
            units = self.of_keys.units if self.of_keys else 0
            arrays |= {"one": Array((1,), WHOLE), "first": Array((1, 1), WHOLE), "score": Array((1, 1, units))}
            given = self.precision, 1, "score", "one", "first", "u_made", units
            launches.append(replace(gathered(*given), family="score"))
        keys = "raw" if self.of_keys else "k"
        launches.append(self._gathered("keys", keys, e))
        if self.of_keys:
            arrays["raw"] = Array(self.common["raw"].shape, KEPT)
            launches.append(self.of_keys.forward(self.rows, "raw", "k_counts", "k", self.steps))
        launches.append(self._gathered("values", "v", v))
        return Part(launches, arrays | {n: a for n, a in self.common.items() if n not in arrays})

    def _gathered(self, x: str, dense: str, size: int) -> Launch:
        return gathered(self.precision, self.rows, x, "k_counts", "places", dense, self.steps * size)
