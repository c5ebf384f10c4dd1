"""The members of the LSTM family as entries of the catalogue: forms of ``refseq.cells.lstm``."""

from collections.abc import Mapping

from refseq.cell import Cell, Source
from refseq.cells.lstm import Form, lstm_cell
from refseq.primitives import ACTIVATIONS
from refseq.recurrence import Number, Option, Recurrence, Size

_ACTIVATIONS = {
    "gate_activation": Option(tuple(ACTIVATIONS), "sigmoid", "the function of the gates"),
    "cell_activation": Option(tuple(ACTIVATIONS), "tanh", "the function of the candidate g"),
    "hidden_activation": Option(tuple(ACTIVATIONS), "tanh", "the function of the memory in the output"),
}
_BOUNDS = {
    "clip": Number(None, "bound of the memory's absolute value", 0, float("inf"), (0.5,)),
    "projection": Size(None, "entries of h, a matrix times what the cell would give out", own=True, examples=(2,)),
}
_NORMALISE = {"normalise": Option((False, True), False, "layer normalisation of the products and of the memory")}
_PEEPHOLE = {
    "peephole": Option(
        ("diagonal", "full"), "diagonal", "each gate sees its own unit's memory, or all through a matrix"
    ),
    "output_sees": Option(("old", "new"), "old", "the output gate sees c_{t-1} (the lectures) or c_t (Gers, ONNX)"),
}


def _member(name: str, title: str, options: Mapping, source: Source, **fixed: str) -> Recurrence:
    """An entry with these options; ``fixed`` are the parts of the form that its name stands for."""
    defaults = {key: option.default for key, option in options.items() if key not in ("peephole", "output_sees")}

    def build(**settled: object) -> Cell:
        shown = {key: value for key, value in settled.items() if value not in (defaults.get(key), False)}
        return lstm_cell(name, Form(**fixed, **settled), shown, source)  # type: ignore[arg-type]

    return Recurrence(name, title, build, options)


LSTM = _member(
    "lstm",
    "long short-term memory",
    _ACTIVATIONS | _BOUNDS | _NORMALISE,
    Source(
        "F. A. Gers, J. Schmidhuber, F. Cummins, Learning to forget, Neural Computation 12 (2000), 2451-2471",
        ("L0.7", "L1.8", "L2.5", "L4.11"),
    ),
)
LSTM_NO_FORGET = _member(
    "lstm_no_forget",
    "the first LSTM, without forget gate",
    _BOUNDS | _NORMALISE,
    Source("S. Hochreiter, J. Schmidhuber, Long short-term memory, Neural Computation 9 (1997), 1735-1780", ("L1.17",)),
    memory="no forget",
)
LSTM_COUPLED = _member(
    "lstm_coupled",
    "LSTM with coupled gates, i = 1 - f",
    _BOUNDS | _NORMALISE,
    Source("K. Greff et al., LSTM: a search space odyssey, IEEE TNNLS 28 (2017), 2222-2232, variant CIFG", ("L4.14",)),
    memory="coupled",
)
LSTM_PEEPHOLE = _member(
    "lstm_peephole",
    "LSTM whose gates see the memory",
    _PEEPHOLE | _BOUNDS,
    Source("F. A. Gers, J. Schmidhuber, Recurrent nets that time and count, IJCNN 2000", ("L1.9", "L4.13")),
)
LSTM_PEEPHOLE_COUPLED = _member(
    "lstm_peephole_coupled",
    "LSTM with coupled gates that see the memory",
    _PEEPHOLE | _BOUNDS,
    Source("K. Greff et al., LSTM: a search space odyssey, IEEE TNNLS 28 (2017), 2222-2232", ("L4.13", "L4.14")),
    memory="coupled",
)
