"""Bounds of what a cell computes, for all real pre-activations: hence for all weights, biases and inputs.

A bound of one step on a set of states that the step does not leave is, by induction, a bound for every T.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from flint import arb

from proofs.intervals.bounding import LSTMS, Numbers, between, by_sign, cell_of, every, made_by, variables
from proofs.intervals.box import Bound, Function
from proofs.intervals.interval import INFINITE, MINUS_INFINITE, Interval
from proofs.theorem import Answer
from refseq.cell import Cell
from refseq.dynamics.bounds import STEEPEST
from refseq.fields.ball import precision
from refseq.fields.differential import Dual
from refseq.primitives import ACTIVATIONS


def outputs(planted: bool = False) -> Answer:
    """|h_t| <= 1 for every LSTM, whatever the memory. Planted: for hidden_activation=identity."""
    options = {"hidden_activation": "identity"} if planted else {}
    cells = [cell_of(name, **options) for name in (LSTMS[:1] if planted else LSTMS)]
    cells += [] if planted else [cell_of("tree_lstm"), cell_of("child_sum_tree_lstm")]
    return every(b for cell in cells for b in between("|h| <= 1", cell, lambda made, _: made["h1"], 1, {}))


def gates(planted: bool = False) -> Answer:
    """Every gate is strictly inside (0, 1), by more than 2^-1500, while |a| <= 1000. Planted: by more than 2^-1400."""
    margin = arb(2) ** (-1400 if planted else -1500)

    def bounds() -> Iterator[Bound]:
        for name in (*LSTMS, "gru"):
            cell = cell_of(name)
            inside = dict.fromkeys(variables(cell), Interval(-1000, 1000))
            for gate in (g for g in ("i", "f", "o", "r", "z") if any(f"a_{g}" in key for key in inside)):
                for sign in (1, -1):
                    yield Bound(f"{name}: gate {gate} in (0, 1)", _margin(cell, gate, sign, margin), inside)

    with precision(4096):
        return every(bounds())


def _margin(cell: Cell, gate: str, sign: int, margin: arb) -> Function:
    def function(numbers: Numbers) -> Any:
        value = made_by(cell, numbers)[1][gate]
        return (value - 1 if sign > 0 else -value) + Dual(Interval(margin), 0)

    return function


def growth(planted: bool = False) -> Answer:
    """|c_t| <= |c_{t-1}| + 1, hence |c_t| <= |c_0| + t. Planted: + 1/2 instead of 1."""
    step = Interval(arb("0.5")) if planted else Interval(1)

    def bounds() -> Iterator[Bound]:
        for name in LSTMS:
            yield from by_sign(cell_of(name), "c", lambda made, _: made["c1"], lambda size: size + Dual(step, 0))
        yield from by_sign(cell_of("additive"), "h", lambda made, _: made["h1"], lambda size: size + 1)

    return every(bounds())


def contained(planted: bool = False) -> Answer:
    """|s_t| <= max(|s_{t-1}|, 1): h of a GRU and of a leaky unit with 0 <= mu <= 1, c of a coupled LSTM. Planted: c of
    the LSTM with two free gates."""
    cells: Sequence[tuple[Cell, str, dict[str, Interval]]] = [
        (cell_of("gru"), "h", {}),
        (cell_of("gru", reset="after"), "h", {}),
        (cell_of("leaky"), "h", {"mu": Interval(0, 1)}),
        (cell_of("leaky", learn="unit"), "h", {}),
        (cell_of("lstm_coupled"), "c", {}),
        (cell_of("lstm_peephole_coupled"), "c", {}),
    ]
    return every(b for each in ([(cell_of("lstm"), "c", {})] if planted else cells) for b in _invariant(*each))


def _invariant(cell: Cell, state: str, box: dict[str, Interval]) -> Iterator[Bound]:
    def new(made: Numbers, kept: Numbers) -> Any:
        return made[f"{state}1"]

    yield from between(f"|{state}| <= 1 stays", cell, new, 1, {**box, state: Interval(-1, 1)})
    for side, sign in ((Interval(1, INFINITE), 1), (Interval(MINUS_INFINITE, -1), -1)):
        yield from between(
            f"|{state}| does not grow", cell, new, lambda n, sign=sign: n[state] * sign, {**box, state: side}
        )


def activations(planted: bool = False) -> Answer:
    """Outputs of Elman, Jordan's hidden layer and recursive networks: tanh in [-1, 1], sigmoid in [0, 1], relu >= 0.
    Planted: relu <= 0."""

    def bounds() -> Iterator[Bound]:
        for name in ("elman", "recursive"):
            made = {key: cell_of(name, activation=key) for key in ("tanh", "sigmoid", "relu")}
            yield from between("tanh", made["tanh"], lambda m, _: m["h1"], 1, {})
            yield from between("2 sigmoid - 1", made["sigmoid"], lambda m, _: m["h1"] * 2 - 1, 1, {})
            relu = made["relu"]
            yield Bound(
                "relu >= 0", lambda n, cell=relu: -made_by(cell, n)[0]["h1"] * (-1 if planted else 1), variables(relu)
            )

    return every(bounds())


def slopes(planted: bool = False) -> Answer:
    """|f'| is at most what ``refseq.dynamics.bounds.STEEPEST`` says. Planted: a tenth less."""

    def excess(name: str, sign: int) -> Function:
        value, slope = ACTIVATIONS[name]
        steepest = Dual(Interval(arb(STEEPEST[name]) * (arb(9) / 10 if planted else 1)), 0)
        return lambda numbers: slope(value(numbers["x"])) * sign - steepest

    sides = (Interval(0, INFINITE), Interval(MINUS_INFINITE, 0))
    return every(
        Bound(f"|{name}'| <= {STEEPEST[name]}", excess(name, sign), {"x": side})
        for name in ACTIVATIONS
        for sign in (1, -1)
        for side in sides
    )


def edges(planted: bool = False) -> Answer:
    """What a parent sees of a child's memory is at most the memory; a node's memory grows by 1 at most. Planted: the
    memory of a node with one child does not grow."""
    step = 0 if planted else 1

    def bounds() -> Iterator[Bound]:
        edge = cell_of("child_sum_tree_lstm").edge  # type: ignore[attr-defined]
        yield from by_sign(edge, "c", lambda made, _: made["c1"], lambda size: size)
        yield from by_sign(cell_of("tree_lstm", arity=1), "c", lambda made, _: made["c1"], lambda size: size + step)

    return every(bounds())
