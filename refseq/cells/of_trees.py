"""The catalogue of recurrences over trees."""

from collections.abc import Mapping
from types import MappingProxyType

from refseq.cells.child_sum import CHILD_SUM
from refseq.cells.recursive import RECURSIVE
from refseq.cells.tree_lstm import TREE_LSTM
from refseq.recurrence import Recurrence

_CATALOGUE = MappingProxyType({recurrence.name: recurrence for recurrence in (RECURSIVE, TREE_LSTM, CHILD_SUM)})


def catalogue() -> Mapping[str, Recurrence]:
    """Every recurrence over trees by name; ``catalogue()["tree_lstm"].cell(arity=3)`` is its description."""
    return _CATALOGUE
