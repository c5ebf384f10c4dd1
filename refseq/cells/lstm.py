"""Long short-term memory: the plain cell and its family.

i_t = sigmoid(W_hx[i] x_t + W_hh[i] h_{t-1} + b_h[i])      likewise f_t, o_t
g_t = tanh(W_hx[g] x_t + W_hh[g] h_{t-1} + b_h[g])
c_t = f_t * c_{t-1} + i_t * g_t
h_t = o_t * tanh(c_t)

lstm_no_forget   f_t = 1
lstm_coupled     i_t = 1 - f_t
lstm_peephole    every gate k also sees the memory: w_k * c_{t-1} (diagonal) or W_hc[k] c_{t-1} (full); the output gate
                 may see c_t instead
projection       h_t = W_hm (o_t * tanh(c_t)), with fewer entries than c_t
clip             c_t is clipped to [-clip, clip]
"""

from collections.abc import Sequence
from dataclasses import dataclass

from refseq.cell import Bias, Cell, Parameter, Source
from refseq.cells.lstm_memory import MEMORIES, Half, blind, bounded, diagonal, emit, remember, unbounded
from refseq.cells.lstm_stages import memory_stage, output_stage, together
from refseq.cells.normalised import gained, gains, normalised, normalising, scaled
from refseq.cells.projection import project
from refseq.operations import EPSILON
from refseq.primitives import ACTIVATIONS
from refseq.stage import Product, Stage


@dataclass(frozen=True)
class Form:
    """A form of the LSTM: one of MEMORIES; which gates see the memory ("none", "diagonal", "full") and whether the
    output gate sees the "old" or the "new" one; the activations of the gates, the candidate and the output; the
    clipping bound; projection and layer normalisation."""

    memory: str = "both"
    peephole: str = "none"
    output_sees: str = "old"
    gate_activation: str = "sigmoid"
    cell_activation: str = "tanh"
    hidden_activation: str = "tanh"
    clip: float | None = None
    projection: bool = False
    normalise: bool = False


def lstm_cell(name: str, form: Form, options: dict[str, object], source: Source) -> Cell:
    """The cell of this form; ``options`` are those that label it."""
    names, opens = MEMORIES[form.memory]
    gates, guarded = (*names, "g", "o"), (*names, "o")
    ways = form.peephole == "diagonal"
    parameters = tuple(Parameter(f"w_c{gate}") for gate in guarded) if ways else ()
    if form.normalise:
        parameters = (*gains(gates), Parameter("gain_c", initial=1), Parameter("b_c", bias=True))
    constants = {} if form.clip is None else {"clip": form.clip}
    keep = remember(
        opens(*ACTIVATIONS[form.gate_activation]),
        diagonal(0, len(names)) if ways else blind(),
        unbounded() if form.clip is None else bounded(len(parameters)),
        form.cell_activation,
    )
    show = emit(diagonal(len(names), len(guarded)) if ways else blind(), form.gate_activation, form.hidden_activation)
    cell = Cell(
        name=name,
        options=options,
        gates=gates,
        state=("h", "c"),
        stages=_stages(form, names, keep, show, len(parameters)),
        biases=(Bias("b_h", gates),),
        parameters=parameters,
        constants=constants | ({"epsilon": EPSILON} if form.normalise else {}),
        source=source,
    )
    return project(cell) if form.projection else cell


def _products(gates: Sequence[str], peephole: str, memory: str) -> tuple[Product, ...]:
    """The affine maps of these gates; with a full peephole also W_hc c for those that have one."""
    every = tuple(gates)
    found = (Product("W_hx", "x", every), Product("W_hh", "h", every))
    seeing = tuple(gate for gate in gates if gate != "g")
    return (*found, Product("W_hc", memory, seeing)) if peephole == "full" else found


def _stages(form: Form, names: tuple[str, ...], keep: Half, show: Half, learned: int) -> tuple[Stage, ...]:
    inner = (*names, "g")
    gates = (*inner, "o")
    if form.normalise:
        return (
            normalising(gates),
            gained(memory_stage(keep, names, ()), gates, 2, learned),
            normalised(("c_n",), (Product(None, "c1", (), ("c_n",)),), ("c_hat",)),
            scaled("c_hat", "c_scaled", learned - 2),
            gained(output_stage(show, "c_scaled", ()), gates, 3, learned),
        )
    if form.peephole == "full" and form.output_sees == "new":
        return (
            memory_stage(keep, names, _products(inner, form.peephole, "c")),
            output_stage(show, "c1", _products(("o",), form.peephole, "c1")),
        )
    return (together(keep, show, form.output_sees == "new", names, _products(gates, form.peephole, "c")),)
