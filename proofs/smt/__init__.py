"""Proofs by z3: claims about all real numbers of a fixed shape, most of them about what a cell's own code computes."""

import importlib
from collections.abc import Iterator
from typing import Any

from proofs.theorem import Answer, Deferred, Method, Theorem, needs

NAME = "smt"
_UNIT = "one unit, hence every H; all weights and inputs"

STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lstm", {}),
    ("lstm_peephole", {}),
    ("lstm_peephole", {"output_sees": "new"}),
    ("lstm_peephole_coupled", {}),
    ("gru", {}),
    ("gru", {"reset": "after"}),
    ("leaky", {"learn": "unit"}),
)

GATES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "gru_copies": ("gru with z = 1: h_t = h_(t-1)", "refseq.cells.gru.update", ("L2.4", "L4.10")),
    "gru_replaces": ("gru with z = 0: h_t = n_t", "refseq.cells.gru.update", ("L2.4", "L4.10")),
    "lstm_writes": (
        "lstm: f = 0, i = 1 writes; f = 1, i = 0 keeps; o = 0 shows nothing",
        "refseq.cells.lstm",
        ("L4.12",),
    ),
    "coupled_is_mirrored": ("lstm_coupled = lstm with a_i = -a_f", "refseq.cells.lstm_memory.coupled", ("L4.14",)),
    "no_forget_is_open": ("lstm_no_forget = lstm with f = 1", "refseq.cells.lstm_memory.no_forget", ("L1.17",)),
    "no_peephole_is_plain": ("peepholes of weight 0: the plain lstm", "refseq.cells.lstm_memory.diagonal", ("L4.13",)),
    "leaky_ends": ("leaky with mu = 0: Elman; with mu = 1: h stays", "refseq.cells.leaky", ("L4.9",)),
    "zoneout_ends": ("zoneout: mask 1 keeps the state, mask 0 is the cell without", "refseq.regularise.zoneout", ()),
    "clip_inside": (
        "a clip that is not reached changes nothing; |c_t| <= clip",
        "refseq.cells.lstm_memory.bounded",
        (),
    ),
}

NETWORKS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "gru_is_elman": ("gru with z = 0, r = 1: the Elman network", "refseq.layer, cells.gru", ("L2.4", "L4.10")),
    "gru_is_feed_forward": (
        "gru with z = 0, r = 0: a feed-forward layer",
        "refseq.layer, cells.gru",
        ("L2.4", "L4.10"),
    ),
}

INVARIANTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "gru": ("|h_t| <= max(|h_(t-1)|, 1); [-1, 1] is not left", "refseq.cells.gru", ()),
    "coupled": ("lstm_coupled: |c_t| <= max(|c_(t-1)|, 1), |h_t| <= 1", "refseq.cells.lstm", ("L4.14",)),
    "lstm": ("|c_t| <= |c_(t-1)| + 1, |h_t| <= 1", "refseq.cells.lstm", ()),
    "leaky": ("|h_t| <= max(|h_(t-1)|, 1) for 0 <= mu <= 1", "refseq.cells.leaky", ("L4.9",)),
}

CLIPPING: dict[str, str] = {
    "by_norm": "g min(1, threshold/norm): norm <= threshold, direction kept, within stays",
    "exact": "the clipped norm is min(norm, threshold), and clipping again changes nothing",
    "with_epsilon": "with epsilon added to the norm, as torch does: norm <= threshold all the same",
    "by_value": "entries bounded, signs and order kept (and the direction not: the planted claim)",
}


def decided(where: str, *arguments: Any) -> Answer:
    """The claims that a function of this package yields."""
    from proofs.smt.claim import decide_all

    module, _, name = where.partition(":")
    function = getattr(importlib.import_module(f"proofs.smt.{module}"), name)
    return decide_all(lambda: function(*arguments))


def _theorem(name: str, statement: str, scope: str, code: str, where: str, sources: tuple[str, ...] = ()) -> Theorem:
    proof, planted = (Deferred("proofs.smt:decided", (where, wrong)) for wrong in (False, True))
    return Theorem(name, NAME, statement, scope, code, proof, planted, sources)


def _theorems() -> Iterator[Theorem]:
    for name, options in STEPS:
        inside = ",".join(f"{key}={value}" for key, value in options.items())
        proof, planted = (
            Deferred("proofs.smt:decided", (f"steps:{each}", name, options)) for each in ("proof", "planted")
        )
        yield Theorem(
            f"step/{name}({inside})" if inside else f"step/{name}",
            NAME,
            "VJP = JVP^T: d . (J v) = (J^T d) . v for all inputs and directions",
            _UNIT,
            "refseq.cells, refseq.fields.differential",
            proof,
            planted,
            ("L4.13",) if "peephole" in name else (),
        )
    for name, (statement, code, sources) in GATES.items():
        yield _theorem(f"gates/{name}", statement, _UNIT, code, f"gates:{name}", sources)
    for name, (statement, code, sources) in NETWORKS.items():
        scope = "T = 1, H = 2; all weights and inputs"
        yield _theorem(f"gates/{name}", statement, scope, code, f"networks:{name}", sources)
    for name, (statement, code, sources) in INVARIANTS.items():
        scope = f"{_UNIT}; by induction every T"
        yield _theorem(f"invariant/{name}", statement, scope, code, f"invariants:{name}", sources)
    for name, statement in CLIPPING.items():
        scope = "three entries, every threshold"
        yield _theorem(
            f"clipping/{name}", statement, scope, "the formula of refseq.clipping", f"clipping:{name}", ("L4.6",)
        )
    statement = "CTC's forward recursion sums exactly the paths that collapse to the label"
    yield _theorem(
        "ctc/paths", statement, "T = 3; 'ab', 'aa', 'b'", "the algorithm, written in the proof", "ctc:paths", ("L1.20",)
    )


METHOD = Method(
    NAME,
    "z3",
    trusted="z3's decision that no counterexample exists (those that it finds are checked by exact fractions), and "
    "that the interpreter runs the source that numba compiles",
    blind="rounding; what activations are beyond the laws in proofs/smt/reals.py; sizes beyond those stated",
    theorems=lambda: list(_theorems()),
    missing=needs("z3", "z3-solver"),
)
