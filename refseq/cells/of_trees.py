"""The catalogue of recurrences over trees."""

import copyreg
from collections.abc import Mapping
from types import MappingProxyType

from refseq.cells.child_sum import CHILD_SUM
from refseq.cells.recursive import RECURSIVE
from refseq.cells.tree_lstm import TREE_LSTM
from refseq.recurrence import Recurrence, reduced
from refseq.tree_cell import EdgeCell, TreeCell

_CATALOGUE = MappingProxyType({recurrence.name: recurrence for recurrence in (RECURSIVE, TREE_LSTM, CHILD_SUM)})


def catalogue() -> Mapping[str, Recurrence]:
    """Every recurrence over trees by name; ``catalogue()["tree_lstm"].cell(arity=3)`` is its description."""
    return _CATALOGUE


copyreg.pickle(TreeCell, lambda cell: reduced(cell, catalogue))
copyreg.pickle(EdgeCell, lambda edge: (getattr, (CHILD_SUM.again(edge.options), "edge")))  # the only one with an edge
