"""The catalogue: every recurrence that refseq knows, in the order in which the lectures introduce them."""

import copyreg
from collections.abc import Mapping
from types import MappingProxyType

from refseq.cell import Cell
from refseq.cells.additive import ADDITIVE
from refseq.cells.elman import ELMAN
from refseq.cells.gru import GRU
from refseq.cells.jordan import JORDAN
from refseq.cells.leaky import LEAKY
from refseq.cells.lstm_family import LSTM, LSTM_COUPLED, LSTM_NO_FORGET, LSTM_PEEPHOLE, LSTM_PEEPHOLE_COUPLED
from refseq.cells.readout import OUTPUT
from refseq.cells.skip import SKIP
from refseq.recurrence import Recurrence, reduced

_CATALOGUE = MappingProxyType(
    {
        recurrence.name: recurrence
        for recurrence in (
            ELMAN,
            OUTPUT,
            JORDAN,
            LSTM,
            LSTM_NO_FORGET,
            LSTM_PEEPHOLE,
            LSTM_COUPLED,
            LSTM_PEEPHOLE_COUPLED,
            GRU,
            SKIP,
            ADDITIVE,
            LEAKY,
        )
    }
)


def catalogue() -> Mapping[str, Recurrence]:
    """Every recurrence by name, complete and ordered; ``catalogue()["gru"].cell(reset="after")`` is its description."""
    return _CATALOGUE


copyreg.pickle(Cell, lambda cell: reduced(cell, catalogue))
