"""Sets of states that a step does not leave, so that no number of steps does.

The cell's own step on arbitrary real pre-activations, hence for all weights, inputs and biases.
"""

from collections.abc import Iterator

import z3

from proofs.smt.claim import Claim
from proofs.smt.gates import run
from proofs.smt.reals import absolute, largest

ONE = z3.RealVal(1)


def gru(planted: bool = False) -> Iterator[Claim]:
    """|h_t| <= max(|h_{t-1}|, 1), in particular [-1, 1] is not left. Planted: it is claimed of [-1/2, 1/2]."""
    h = z3.Real("h")
    radius = z3.RealVal("1/2") if planted else ONE
    for reset in ("before", "after"):
        made, _ = run("gru", reset=reset)
        yield Claim(f"|h| stays, reset {reset}", absolute(made["h1"]) <= largest(absolute(h), radius))


def coupled(planted: bool = False) -> Iterator[Claim]:
    """|c_t| <= max(|c_{t-1}|, 1) and |h_t| <= 1. Planted: of the LSTM, whose two gates are free."""
    c = z3.Real("c")
    made, _ = run("lstm" if planted else "lstm_coupled")
    yield Claim("|c| stays", absolute(made["c1"]) <= largest(absolute(c), ONE))
    yield Claim("|h| <= 1", absolute(made["h1"]) <= 1)


def lstm(planted: bool = False) -> Iterator[Claim]:
    """|c_t| <= |c_{t-1}| + 1 and |h_t| <= 1, with and without forget gate and peepholes. Planted: c does not grow."""
    c = z3.Real("c")
    for name in ("lstm", "lstm_no_forget", "lstm_peephole"):
        made, _ = run(name)
        yield Claim(f"|c| of {name}", absolute(made["c1"]) <= absolute(c) + (0 if planted else 1))
        yield Claim(f"|h| of {name}", absolute(made["h1"]) <= 1)


def leaky(planted: bool = False) -> Iterator[Claim]:
    """|h_t| <= max(|h_{t-1}|, 1) for 0 <= mu <= 1. Planted: for every mu up to 2."""
    made, _ = run("leaky")
    mu, h = z3.Real("mu"), z3.Real("h")
    between = (mu >= 0, mu <= (2 if planted else 1))
    yield Claim("|h| stays", absolute(made["h1"]) <= largest(absolute(h), ONE), between)
