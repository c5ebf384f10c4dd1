"""The cases of ``test_degenerate``: which recurrence, with which parameters, is which other one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tests.variants import REFUSED, label

OPEN, SHUT = 1000.0, -1000.0
UNITS = 4
GRU, GRU_AFTER = ("gru", {}), ("gru", {"reset": "after"})


@dataclass(frozen=True)
class Case:
    """``special`` is ``plain``, when its parameters are plain's and those of ``fixed`` have these values.

    ``names``, ``gates``: what plain's parameters and gates are called in special. ``fixed``: a parameter, or its block
    (name, gate), and its value. ``masks``: the value of every mask. ``reordered``: sums are in another order.
    """

    special: tuple[str, dict]
    plain: tuple[str, dict]
    fixed: Mapping = field(default_factory=dict)
    names: Mapping = field(default_factory=dict)
    gates: Mapping = field(default_factory=dict)
    masks: float | None = None
    reordered: bool = False

    def __str__(self):
        return f"{label(self.special)} is {label(self.plain)}"


PEEPHOLES = {f"w_c{gate}": 0.0 for gate in "ifo"}
CASES = [
    Case(GRU, ("elman", {}), {("b_h", "z"): SHUT, ("b_h", "r"): OPEN}, gates={"h": "n"}),
    Case(
        GRU_AFTER,
        ("elman", {}),
        {("b_h", "z"): SHUT, ("b_h", "r"): OPEN, "b_hn": 0.0},
        gates={"h": "n"},
        reordered=True,
    ),
    Case(
        GRU,
        ("output", {"activation": "tanh"}),
        {("b_h", "z"): SHUT, ("b_h", "r"): SHUT},
        {"W_yh": "W_hx", "b_y": "b_h"},
        {"y": "n"},
    ),
    Case(
        GRU_AFTER,
        ("output", {"activation": "tanh"}),
        {("b_h", "z"): SHUT, ("b_h", "r"): SHUT},
        {"W_yh": "W_hx", "b_y": "b_h"},
        {"y": "n"},
    ),
    Case(("lstm", {}), ("lstm_no_forget", {}), {("b_h", "f"): OPEN}),
    Case(("lstm", {"normalise": True}), ("lstm_no_forget", {"normalise": True}), {("b_h", "f"): OPEN}),
    *(Case(("lstm_peephole", {"output_sees": sees}), ("lstm", {}), PEEPHOLES) for sees in ("old", "new")),
    *(
        Case(
            ("lstm_peephole", {"peephole": "full", "output_sees": sees}),
            ("lstm", {}),
            {"W_hc": 0.0},
            reordered=sees == "new",
        )
        for sees in ("old", "new")
    ),
    Case(("lstm_peephole_coupled", {}), ("lstm_coupled", {}), {"w_cf": 0.0, "w_co": 0.0}),
    Case(("lstm_peephole_coupled", {"peephole": "full"}), ("lstm_coupled", {}), {"W_hc": 0.0}),
    *(
        Case((name, {"projection": UNITS}), (name, {}), {("W_hm", "h"): np.eye(UNITS)})
        for name in ("lstm", "lstm_no_forget", "lstm_coupled", "lstm_peephole", "lstm_peephole_coupled")
    ),
    *(Case((name, {"clip": 1e6}), (name, {})) for name in ("lstm", "lstm_no_forget", "lstm_peephole_coupled")),
    *(Case(("leaky", {"mu": 0, "activation": f}), ("elman", {"activation": f})) for f in ("tanh", "identity")),
    *(Case(("leaky", {"learn": learn}), ("elman", {}), {"mu_logit": SHUT}) for learn in ("layer", "unit")),
    Case(
        ("elman", {"activation": "identity"}),
        ("additive", {"activation": "identity"}),
        {("W_hh", "h"): np.eye(UNITS)},
    ),
    Case(
        ("jordan", {"output": "identity"}),
        ("elman", {}),
        {("W_yh", "y"): np.eye(UNITS), "b_y": 0.0},
        {"W_hh": "W_hy"},
    ),
    *(
        Case((name, {**options, mask: True}), (name, options), masks=value, reordered=mask == "dropout")
        for name, options in [
            ("elman", {}),
            ("jordan", {"output": "softmax"}),
            ("lstm", {}),
            ("lstm", {"normalise": True}),
            ("lstm_peephole", {"peephole": "full", "output_sees": "new"}),
            ("gru", {}),
            ("skip", {"delay": 3}),
            ("leaky", {"learn": "unit"}),
        ]
        for mask, value in (("zoneout", 0.0), ("dropout", 1.0))
        if REFUSED.get(name) != mask
    ),
]


KEEPERS = [
    Case(GRU, GRU, {("b_h", "z"): OPEN}),
    Case(GRU_AFTER, GRU_AFTER, {("b_h", "z"): OPEN}),
    Case(("leaky", {"mu": 1}), ("leaky", {"mu": 1})),
    Case(("leaky", {"learn": "unit"}), ("leaky", {"learn": "unit"}), {"mu_logit": OPEN}),
    *(
        Case((name, options | {"zoneout": True}), (name, options | {"zoneout": True}), masks=1.0)
        for name, options in [("elman", {}), ("lstm", {"normalise": True}), ("jordan", {})]
    ),
]
