"""The catalogue: every recurrence that refseq knows, in the order in which the lectures introduce them."""

from collections.abc import Mapping
from types import MappingProxyType

from refseq.cell import Recurrence
from refseq.cells.elman import ELMAN
from refseq.cells.gru import GRU
from refseq.cells.lstm import LSTM

_CATALOGUE = MappingProxyType({recurrence.name: recurrence for recurrence in (ELMAN, LSTM, GRU)})


def catalogue() -> Mapping[str, Recurrence]:
    """Every recurrence by name, complete and ordered; ``catalogue()["gru"].cell(reset="after")`` is its description."""
    return _CATALOGUE
