"""Where a cell's vectors are kept while it runs: rows of the arrays of ``refseq.step``, from the description alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refseq.cell import Cell


@dataclass(frozen=True)
class Matrix:
    """A weight matrix (G, size out, size in): its number, the names of its blocks, the names of its sizes, and whether
    it is recurrent, that is applied to an old state."""

    number: int
    gates: tuple[str, ...]
    outputs: str
    inputs: str
    recurrent: bool


@dataclass(frozen=True)
class Place:
    """A vector: ``kind`` x | old | new | tape, and its row in that array."""

    kind: str
    row: int


class Layout:
    """slots   pre-activation -> row of a
    matrices  name -> Matrix, in the order of the stages
    vectors   names of the vectors that stages make for one another, the first rows of the tape
    kept      for each stage the rows of the tape of what it keeps
    stored    number of rows of the tape of one time step
    """

    def __init__(self, cell: "Cell") -> None:
        self._cell = cell
        self.slots = _numbered(slot for stage in cell.stages for slot in stage.slots)
        renewed = {f"{name}1" for name in cell.state}
        self.vectors = _numbered(name for stage in cell.stages for name in stage.makes if name not in renewed)
        self.kept: list[tuple[int, ...]] = []
        rows = len(self.vectors)
        for stage in cell.stages:
            self.kept.append(tuple(range(rows, rows + len(stage.keeps))))
            rows += len(stage.keeps)
        self.stored = rows
        self._sizes = {name: stage.size for stage in cell.stages for name in stage.makes}
        self.matrices = self._matrices()

    def size(self, vector: str) -> str:
        """The name of a vector's size: inputs, units, ..."""
        if vector == "x":
            return "inputs"
        state, olds = self._cell.state, self._cell.olds
        name = f"{state[olds.index(vector) % len(state)]}1" if vector in olds else vector
        return self._sizes[name]

    def place(self, vector: str) -> Place:
        """Where a vector is kept."""
        state, olds = self._cell.state, self._cell.olds
        if vector == "x":
            return Place("x", 0)
        if vector in olds:
            return Place("old", olds.index(vector))
        if vector in self.vectors:
            return Place("tape", self.vectors[vector])
        return Place("new", state.index(vector.removesuffix("1")))

    def rows(self, names: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Rows of the new states among these names, and of the vectors. Raises ValueError if a vector comes before a
        new state: a stage's tuples are put together in this order."""
        places = [self.place(name) for name in names]
        kinds = [place.kind for place in places]
        if kinds != sorted(kinds) or not {"new", "tape"}.issuperset(kinds):
            raise ValueError(f"cell {self._cell.name}: expected new states, then vectors of stages; got {names}")
        new, tape = (tuple(p.row for p in places if p.kind == kind) for kind in ("new", "tape"))
        return new, tape

    def bias(self, slot: str) -> tuple[int, int] | None:
        """Number of the bias array and its row for a pre-activation; None if it has no bias."""
        for number, bias in enumerate(self._cell.biases):
            if slot in bias.slots:
                return number, bias.rows.index(bias.row_of[slot])
        return None

    def measure(self, size: str) -> tuple[int, int]:
        """A matrix, by number, and its axis in storage (K, G, H) whose length is this size."""
        for matrix in self.matrices.values():
            for axis, name in ((2, matrix.outputs), (0, matrix.inputs)):
                if name == size:
                    return matrix.number, axis
        raise ValueError(f"cell {self._cell.name}: no matrix has the size {size!r}")

    def _matrices(self) -> dict[str, Matrix]:
        found: dict[str, Any] = {}
        recurrent: set[str] = set()
        for stage in self._cell.stages:
            for product in stage.products:
                if product.matrix is not None:
                    entry = found.setdefault(product.matrix, ([], stage.size, self.size(product.operand)))
                    entry[0].extend(gate for gate in product.gates if gate not in entry[0])
                    recurrent |= {product.matrix} if product.operand in self._cell.olds else set()
        named = enumerate(found.items())
        return {name: Matrix(i, tuple(g), out, into, name in recurrent) for i, (name, (g, out, into)) in named}


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}
