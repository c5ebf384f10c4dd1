"""For every property an implementation that breaks it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

import refseq
from refseq.layer import Layer
from tests.checks.properties.plants import SLIGHTLY, Call, Plant, added, if_, inputs, parameter, part_of, scaled

LSTM = refseq.layer("lstm", 3, 4)
BOTH = refseq.layer("lstm", 3, 4, bidirectional=True)
DEEP = refseq.layer("lstm", 3, 4, layers=2)
TANH = refseq.layer("elman", 3, 4)
RELU = refseq.layer("elman", 3, 4, activation="relu")
LINEAR = refseq.layer("elman", 3, 4, activation="identity")
BEFORE = refseq.layer("gru", 3, 4)
AFTER = refseq.layer("gru", 3, 4, reset="after")


def without_state(call: Call) -> None:
    """Initial states are taken for zero."""
    call.state = {name: 0 * value for name, value in call.state.items()}


def no_final_state(call: Call) -> None:
    """Final states are not handed through."""
    for name in ("h", "c"):
        call.scale(f"state[{name}]", f"dstate[{name}]", by=0)


def sorts_states_twice(call: Call) -> None:
    """States are sorted by length although the rows are not."""
    if call.lengths is not None:
        order = np.argsort(-call.lengths, kind="stable")
        call.state = {name: value[:, order] for name, value in call.state.items()}


def counts_calls(call: Call) -> None:
    """An error that grows from call to call."""
    call.memory["calls"] = call.memory.get("calls", 0) + 1
    call.add("y" if "y" in call.answer else "dx", 1e-12 * call.memory["calls"])


def accumulates(call: Call) -> None:
    """Gradients are added to those of earlier calls."""
    if call.backward:
        call.memory["dW"] = call.memory.get("dW", 0) + call.answer["dW_hx"]
        call.answer["dW_hx"] = call.memory["dW"].copy()


def reuses_buffers(call: Call) -> None:
    """Answers of one shape are all in the same memory."""
    for name, value in call.answer.items():
        buffer = call.memory.setdefault((name, value.shape), value)
        buffer[...] = value
        call.answer[name] = buffer


def stumbles_over_new_shapes(call: Call) -> None:
    """The first call of another shape is a little wrong."""
    last = call.memory.get("shape")
    if last not in (None, call.x.shape):
        call.scale("y")
    call.memory["shape"] = call.x.shape


def packs_once(call: Call) -> None:
    """The weights of the first call are kept for ever."""
    call.params["W_hx"] = call.memory.setdefault("W", call.params["W_hx"])


def misreads_columns(call: Call) -> None:
    """Memory in Fortran order is read as if it were in C order."""
    W = call.params["W_hx"]
    if W.flags.f_contiguous and not W.flags.c_contiguous:
        call.params["W_hx"] = W.ravel(order="K").reshape(W.shape)


def bias_outside_the_reset(call: Call) -> None:
    """b_hn is added where the reset gate does not see it."""
    b = call.params["b_h"].copy()
    b[2] += call.params["b_hn"]
    call.params |= {"b_h": b, "b_hn": 0 * call.params["b_hn"]}


def neighbours_reset_gate(call: Call) -> None:
    """Every unit has the reset gate of its neighbour."""
    for name in ("W_hx", "W_hh", "b_h"):
        value = call.params[name].copy()
        value[0] = np.roll(value[0], 1, axis=0)
        call.params[name] = value


def forgets_idle_rows(call: Call) -> None:
    """Rows without a step end in zeros."""
    if call.lengths is not None:
        for name, value in call.answer.items():
            if "state[" in name:
                call.answer[name] = value * (call.lengths > 0)[:, None]


def needs_a_loss_on_outputs(call: Call) -> None:
    """Cotangents of the final state are dropped if the outputs have none."""
    if call.backward and not np.any(call.dy):
        call.dstate = {name: 0 * value for name, value in call.dstate.items()}


def clips_cotangents(call: Call) -> None:
    """A gradient clipping that nobody asked for."""
    if call.backward:
        call.dy = np.clip(call.dy, -1, 1)


def idle_states_leak(call: Call) -> Any:
    """The initial states of rows without a step."""
    return 1e-6 * call.state["h"][:, np.zeros(0, int) if call.lengths is None else call.lengths == 0].sum()


def twice(_call: Call, value: np.ndarray) -> np.ndarray:
    """A bias that is added two times."""
    return 2 * value


GIVEN, ANSWERED = "given", "answered"

PLANTS: Mapping[str, tuple[Layer, str, Plant]] = {
    "prefix": (LSTM, ANSWERED, lambda call: call.scale("y", by=1 + 1e-6 * len(call.x))),
    "causality": (LSTM, ANSWERED, added("y", lambda call: 1e-6 * call.x[-1].sum())),
    "splitting": (LSTM, GIVEN, if_(lambda call: len(call.x) == 3, without_state)),
    "step by step": (LSTM, GIVEN, if_(lambda call: len(call.x) == 1, without_state)),
    "final state is last output": (LSTM, ANSWERED, scaled("state[h]")),
    "no steps": (LSTM, ANSWERED, if_(lambda call: len(call.x) == 0, no_final_state)),
    "row alone": (LSTM, ANSWERED, if_(lambda call: call.x.shape[1] == 1, scaled("y"))),
    "row order": (LSTM, ANSWERED, part_of("y", np.s_[:, 0])),
    "sorted by length": (LSTM, GIVEN, sorts_states_twice),
    "repeated rows": (LSTM, ANSWERED, part_of("y", np.s_[:, 4:])),
    "NaN in one row": (LSTM, ANSWERED, added("y", lambda call: 0 * call.x.sum())),
    "gradient of one row": (LSTM, ANSWERED, added("dx", lambda call: 1e-9 * call.dy.sum())),
    "no rows": (LSTM, ANSWERED, if_(lambda call: call.x.shape[1] == 0, added("dW_hh", lambda _: 1.0))),
    "hidden permutation": (LSTM, ANSWERED, part_of("y", np.s_[..., 0])),
    "feature permutation": (LSTM, GIVEN, inputs(lambda call: call.x * np.array([SLIGHTLY, 1, 1]))),
    "unit signs": (LSTM, ANSWERED, added("y", lambda call: 1e-6 * call.answer["y"] ** 2)),
    "odd symmetry": (TANH, ANSWERED, added("y", lambda call: 1e-6 * call.answer["y"] ** 2)),
    "feature scale": (LSTM, GIVEN, inputs(lambda call: np.clip(call.x, -1, 1))),
    "homogeneity": (RELU, ANSWERED, added("y", lambda call: 1e-6 * call.answer["y"] ** 2)),
    "inert feature": (LSTM, ANSWERED, added("y", lambda call: 1e-12 * call.x[..., -1:])),
    "inert unit": (LSTM, ANSWERED, added("y", lambda call: 1e-12 * call.state["h"][0][..., -1:])),
    "determinism": (LSTM, ANSWERED, counts_calls),
    "backward twice": (LSTM, ANSWERED, accumulates),
    "results are kept": (LSTM, ANSWERED, reuses_buffers),
    "other shapes between": (LSTM, ANSWERED, stumbles_over_new_shapes),
    "new parameters": (LSTM, GIVEN, packs_once),
    "double precision": (LSTM, ANSWERED, if_(lambda call: call.x.dtype == "float64", scaled("y", by=1.01))),
    "read-only arrays": (LSTM, ANSWERED, if_(lambda call: not call.x.flags.writeable, scaled("y"))),
    "Fortran order": (LSTM, GIVEN, misreads_columns),
    "strided arrays": (LSTM, GIVEN, inputs(lambda call: call.x[..., ::-1] if min(call.x.strides) < 0 else call.x)),
    "foreign byte order": (LSTM, GIVEN, inputs(lambda call: call.x if call.x.dtype.isnative else 0 * call.x)),
    "zero weights": (LSTM, GIVEN, parameter("b_h", twice)),
    "no recurrence": (TANH, GIVEN, parameter("b_h", twice)),
    "linear network": (LINEAR, GIVEN, parameter("W_hh", lambda _, value: value * SLIGHTLY)),
    "ranges": (LSTM, ANSWERED, scaled("y", by=10)),
    "saturation": (LSTM, ANSWERED, if_(lambda call: np.max(np.abs(call.x)) > 800, scaled("y", "dx", by=np.nan))),
    "memory is held": (LSTM, ANSWERED, scaled("dstate[c]")),
    "memory is forgotten": (LSTM, ANSWERED, added("y", lambda call: 1e-9 * call.state["c"][0])),
    "output gate shut": (LSTM, ANSWERED, added("y", lambda call: 1e-9 * ~call.outside)),
    "output gate open": (LSTM, ANSWERED, scaled("state[h]")),
    "update gate open": (BEFORE, ANSWERED, scaled("dstate[h]")),
    "GRU as Elman": (AFTER, GIVEN, parameter("b_hn", lambda _, value: 0 * value)),
    "reset gate shut": (AFTER, GIVEN, bias_outside_the_reset),
    "whose reset gate": (BEFORE, GIVEN, neighbours_reset_gate),
    "time reversal": (BOTH, ANSWERED, part_of("y", np.s_[..., :4])),
    "independent directions": (BOTH, ANSWERED, added("y", lambda call: 1e-6 * call.params["b_h_reverse"].sum())),
    "one-sided halves": (BOTH, ANSWERED, added("y", lambda call: 1e-6 * call.x[-1, :, :1])),
    "gradient of one direction": (BOTH, ANSWERED, added("dW_hh", lambda call: 1e-9 * call.answer["dW_hh_reverse"])),
    "lower layers": (DEEP, ANSWERED, added("state[h]", lambda call: 1e-6 * call.params["b_h_l1"].sum())),
    "zeros in the padding": (LSTM, ANSWERED, added("y", lambda _: 1e-300)),
    "padding is ignored": (LSTM, ANSWERED, added("dx", lambda call: 1e-40 * call.x.sum())),
    "NaN in the padding": (LSTM, ANSWERED, added("dx", lambda call: 0 * call.x.sum())),
    "more padding": (LSTM, ANSWERED, lambda call: call.scale("state[h]", by=1 + 1e-6 * len(call.x))),
    "trimmed rows": (LSTM, ANSWERED, if_(lambda call: call.lengths is not None, scaled("y"))),
    "full lengths": (LSTM, ANSWERED, if_(lambda call: call.lengths is not None, scaled("dW_hh"))),
    "rows without a step": (LSTM, ANSWERED, forgets_idle_rows),
    "rows without a step are inert": (LSTM, ANSWERED, added("dW_hx", idle_states_leak)),
    "all rows without a step": (LSTM, ANSWERED, if_(lambda call: np.all(call.lengths == 0), no_final_state)),
    "zero cotangent": (LSTM, ANSWERED, added("db_h", lambda _: 1e-30)),
    "scaled cotangent": (LSTM, GIVEN, clips_cotangents),
    "sum of cotangents": (LSTM, GIVEN, needs_a_loss_on_outputs),
    "causality of the gradient": (LSTM, ANSWERED, added("dx", lambda call: 1e-9 * call.dy.sum())),
    "gradient of the prefix": (LSTM, ANSWERED, lambda call: call.scale("dW_hh", by=1 + 1e-6 * len(call.x))),
    "balance of features": (LSTM, ANSWERED, part_of("dW_hx", 2)),
    "balance of units": (RELU, ANSWERED, scaled("dW_hh")),
    "Euler's theorem": (RELU, ANSWERED, scaled("db_h")),
    "vanishing bound": (TANH, ANSWERED, scaled("dstate[h]", by=100)),
}
"""By property: the layer, where the plant sits, and the plant."""
