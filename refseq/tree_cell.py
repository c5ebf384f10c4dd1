"""The description of a recurrence over trees: a cell for the nodes, and perhaps one for the edges below them.

A node's cell is a ``Cell`` whose old states are those of the node's children. Either every child has a position, and
then the old states are those of the first child, of the second one and so on, named ``h_left`` or ``c_child3``; a child
that is missing has the state 0. Or the children are summed: an ``edge`` cell makes of the node's input and of a child's
state what the node sees of that child, and the old states are the sums of these.

With one position the description is that of a recurrence in time, names and all.
"""

from dataclasses import dataclass
from functools import cached_property

from refseq.cell import Cell


def positions(arity: int) -> tuple[str, ...]:
    """How the names of so many children end."""
    if arity == 1:
        return ("",)
    return ("_left", "_right") if arity == 2 else tuple(f"_child{k + 1}" for k in range(arity))


def _symbol(cell: Cell, vector: str, olds: dict[str, str], made: str) -> str:
    """How a vector is written: node j has the input x_j."""
    names = {"x": "x_j"} | olds | {f"{name}1": f"{name}_{made}" for name in cell.state}
    return names.get(vector, vector)


@dataclass(frozen=True, eq=False)
class EdgeCell(Cell):
    """What node j sees of its child l: ``h_jl``, made of the child's state ``h_l``."""

    def symbol(self, vector: str) -> str:
        """How a vector is written in formulas."""
        return _symbol(self, vector, {name: f"{name}_l" for name in self.state}, "jl")


@dataclass(frozen=True, eq=False)
class TreeCell(Cell):
    """See the module's text. Raises ValueError for a cell with parameters of its units or masks, which no schedule of
    trees hands over, or an edge cell that does not fit.

    children  how the names of the children's states end, one for every position
    edge      a cell of the same state, whose "step" goes from a child to what its parent sees
    """

    children: tuple[str, ...] = ("",)
    edge: EdgeCell | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for cell in (self, self.edge):
            if cell is not None and (cell.parameters or cell.masks):
                raise ValueError(f"cell {cell.name}: a cell of a tree has neither parameters of its units nor masks")
        if self.edge is not None and (self.edge.state != self.state or len(self.children) != 1):
            raise ValueError(f"cell {self.name}: expected an edge cell with the state {self.state} and summed children")

    @property
    def olds(self) -> tuple[str, ...]:
        """The old states: each child's, one child after another."""
        return tuple(f"{name}{child}" for child in self.children for name in self.state)

    def symbol(self, vector: str) -> str:
        """How a vector is written in formulas: ``h_j`` for the new state of node j, ``h_left`` for that of a child."""
        if self.edge is not None:
            return _symbol(self, vector, {name: f"(sum_l {name}_jl)" for name in self.state}, "j")
        names = {old: old if len(self.children) > 1 else f"{old}_child" for old in self.olds}
        return _symbol(self, vector, names, "j")

    @cached_property
    def equations(self) -> tuple[str, ...]:
        """The formulas of the edge, if there is one, and of the node."""
        return (*(self.edge.equations if self.edge is not None else ()), *super().equations)

    @property
    def arity(self) -> int | None:
        """How many positions there are for children; None where any number is summed."""
        return None if self.edge is not None else len(self.children)

    @property
    def parts(self) -> tuple[Cell, ...]:
        """The cells that have weights: the node's, and the edge's if there is one."""
        return (self,) if self.edge is None else (self, self.edge)
