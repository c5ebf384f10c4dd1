"""Proofs by rigorous arithmetic: intervals for whole boxes, balls for given numbers. It needs nothing beyond refseq."""

from collections.abc import Iterator

from proofs.theorem import Deferred, Method, Theorem

NAME = "intervals"
_REALS = "one unit, hence every H; all real pre-activations and states"
_ALWAYS = f"{_REALS}; by induction every T"

RANGES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "activations": (
        "Elman and recursive: tanh in [-1, 1], sigmoid in [0, 1], relu >= 0",
        _ALWAYS,
        "refseq.cells.activated",
        (),
    ),
    "gates": (
        "gates of LSTMs and GRU are in (0, 1), by more than 2^-1500",
        "one unit; |a| <= 1000",
        "refseq.cells",
        ("L0.8",),
    ),
    "outputs": ("LSTMs, also of trees: |h_t| <= 1", _ALWAYS, "refseq.cells.lstm_memory.emit, tree_lstm", ()),
    "growth": (
        "LSTMs: |c_t| <= |c_0| + t; additive unit: |h_t| <= |h_0| + t",
        _ALWAYS,
        "refseq.cells.lstm, additive",
        ("L1.16", "L4.8"),
    ),
    "contained": (
        "|s_t| <= max(|s_0|, 1): h of gru and leaky, c of lstm_coupled and lstm_peephole_coupled",
        _ALWAYS,
        "refseq.cells.gru, leaky, lstm",
        ("L4.9", "L4.14"),
    ),
    "edges": (
        "trees: a child's memory behind its gate does not grow; a node's grows by 1",
        _REALS,
        "refseq.cells.tree_lstm",
        ("L4.15",),
    ),
    "slopes": (
        "|tanh'| <= 1, |sigmoid'| <= 1/4, |relu'| <= 1",
        "every real x",
        "refseq.dynamics.bounds.STEEPEST",
        ("L0.6", "L4.5"),
    ),
}

EXAMPLES: dict[str, tuple[tuple[object, ...], str, str]] = {
    "L1.2": (("two_linear_units",), "two linear units, weights 1: (4,4), (12,12), (32,32)", "exactly"),
    "L1.7": (
        ("memory", "short"),
        "LSTM with hand-set gates: y = 0 0 0 7 0, c = 3 7 7 7 0",
        "within 1/500 of the printed numbers",
    ),
    "L1.7-long": (("memory", "long"), "the longer table: y = 0 0 0 0 0 7 0 0 6", "within 1/500 of the printed numbers"),
    "L1.14": (("thousand_steps",), "y^1000 = w^999 and its derivative, w = 1, 1.01, 0.99, 0.01", "T = 1000"),
}

LONG = {"elman": 10_000, "gru": 10_000, "lstm": 2_000}
"""Recurrence -> steps of the certified run."""


def _pair(where: str, *arguments: object) -> tuple[Deferred, Deferred]:
    """The proof, and the proof with a planted error."""
    proof, planted = (Deferred(f"proofs.intervals.{where}", (*arguments, wrong)) for wrong in (False, True))
    return proof, planted


def _theorems() -> Iterator[Theorem]:
    for name, (statement, scope, code, sources) in RANGES.items():
        yield Theorem(f"range/{name}", NAME, statement, scope, code, *_pair(f"ranges:{name}"), sources)
    for name, (arguments, statement, scope) in EXAMPLES.items():
        claim = name.partition("-")[0]
        yield Theorem(
            f"example/{name}", NAME, statement, scope, "refseq.layer", *_pair("examples:at_bits", *arguments), (claim,)
        )
    yield Theorem(
        "gamma/vanishing",
        NAME,
        "Elman, gamma = sup|f'| ||W_hh|| < 1 verified: ||d h_t / d h_k|| <= gamma^(t-k)",
        "given weights; a run of 8 steps, every k < t",
        "refseq.gradients.steps, proofs.intervals.norm",
        *_pair("runs:vanishing"),
        ("L4.5",),
    )
    yield Theorem(
        "gamma/bound",
        NAME,
        "gamma_bound is above ||W|| by a relative 1e-10 at most",
        "20 given matrices, n <= 8",
        "refseq.dynamics.gamma_bound",
        *_pair("runs:bounds"),
        ("L4.5",),
    )
    for name, steps in LONG.items():
        yield Theorem(
            f"run/{name}",
            NAME,
            "each step of a float64 run follows from the one before, within a bound of one step's rounding",
            f"given weights and inputs; T = {steps}",
            "proofs.intervals.certificate.certify",
            *_pair("runs:local", name, steps),
        )
    yield Theorem(
        "run/contracting",
        NAME,
        "Elman with ||W_hh|| < 1: the whole float64 run stays near the exact one",
        "given weights and inputs; T = 2000",
        "proofs.intervals.certificate.certify",
        *_pair("runs:contracting", 2000),
        ("L4.5",),
    )


METHOD = Method(
    NAME,
    "rigorous intervals",
    trusted="python-flint's arithmetic and elementary functions, the rules of proofs/intervals/interval.py and "
    "computed.py, and that the interpreter runs the source that numba compiles",
    blind="rounding, except in run/; whether a bound is the best one",
    theorems=lambda: list(_theorems()),
    missing=lambda: None,
)
