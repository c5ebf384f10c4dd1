"""What cells become when their gates are shut or open: one cell's own code equals another's.

Each function yields claims about all reals; a gate that is 0 or 1 is an assumption about the value of its sigmoid,
which in floats is reached. ``planted`` arguments make a false claim of a true one.
"""

from collections.abc import Iterator
from typing import Any

import z3

import refseq
from proofs.cells import unit
from proofs.smt.claim import Claim, equal
from proofs.smt.reals import absolute


def run(name: str, by_hand: dict[str, Any] | None = None, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """One unit of a cell of the catalogue: what it makes and what it keeps."""
    return unit(refseq.catalogue()[name].cell(**options), z3.Real, by_hand)


def gru_copies(planted: bool = False) -> Iterator[Claim]:
    """z = 1: h_t = h_{t-1}."""
    for reset in ("before", "after"):
        made, kept = run("gru", reset=reset)
        yield Claim(f"z = 1 copies h, reset {reset}", made["h1"] == z3.Real("h"), (kept["z"] == (0 if planted else 1),))


def gru_replaces(planted: bool = False) -> Iterator[Claim]:
    """z = 0: h_t = n_t."""
    for reset in ("before", "after"):
        made, kept = run("gru", reset=reset)
        yield Claim(f"z = 0 replaces h, reset {reset}", made["h1"] == kept["n"], (kept["z"] == (1 if planted else 0),))


def lstm_writes(planted: bool = False) -> Iterator[Claim]:
    """f = 0, i = 1: the memory is the candidate. f = 1, i = 0: it is kept. o = 0: nothing is shown."""
    made, kept = run("lstm")
    i, f, g, o = (kept[gate] for gate in ("i", "f", "g", "o"))
    yield Claim("f = 0, i = 1: c = g", made["c1"] == g, (f == 0, i == (0 if planted else 1)))
    yield Claim("f = 1, i = 0: c stays", made["c1"] == z3.Real("c"), (f == 1, i == 0))
    yield Claim("o = 0: h = 0", made["h1"] == 0, (o == 0,))


def coupled_is_mirrored(planted: bool = False) -> Iterator[Claim]:
    """The coupled cell is the LSTM whose input gate has the forget gate's pre-activation with the other sign."""
    made, _ = run("lstm_coupled")
    other, _ = run("lstm", {"a_i": z3.Real("a_f") if planted else -z3.Real("a_f")})
    yield from equal("coupled = mirrored", (made["c1"], made["h1"]), (other["c1"], other["h1"]))


def no_forget_is_open(planted: bool = False) -> Iterator[Claim]:
    """The LSTM without forget gate is the LSTM with f = 1."""
    made, _ = run("lstm_no_forget")
    other, kept = run("lstm")
    open_ = kept["f"] == (0 if planted else 1)
    yield from equal("no forget gate = open", (made["c1"], made["h1"]), (other["c1"], other["h1"]), open_)


def no_peephole_is_plain(planted: bool = False) -> Iterator[Claim]:
    """Peepholes of weight 0: the plain LSTM."""
    plain, _ = run("lstm")
    for sees in ("old", "new"):
        made, _ = run("lstm_peephole", output_sees=sees)
        zero = [z3.Real(f"w_c{gate}") == 0 for gate in ("i", "f", "o")][: 2 if planted else 3]
        yield from equal(f"peephole 0, {sees}", (made["c1"], made["h1"]), (plain["c1"], plain["h1"]), *zero)


def leaky_ends(planted: bool = False) -> Iterator[Claim]:
    """mu = 0: the simple recurrent network; mu = 1: nothing changes."""
    made, _ = run("leaky")
    elman, _ = run("elman")
    mu = z3.Real("mu")
    yield Claim("mu = 0 is elman", made["h1"] == elman["h1"], (mu == (1 if planted else 0),))
    yield Claim("mu = 1 keeps h", made["h1"] == z3.Real("h"), (mu == 1,))


def zoneout_ends(planted: bool = False) -> Iterator[Claim]:
    """A mask of 1 keeps the old state, a mask of 0 is the cell without zoneout."""
    made, _ = run("lstm", zoneout=True)
    plain, _ = run("lstm")
    for name in ("h", "c"):
        mask = z3.Real(f"zoneout_{name}")
        yield Claim(f"mask 1 keeps {name}", made[f"{name}1"] == z3.Real(name), (mask == 1,))
        yield Claim(f"mask 0 makes {name}", made[f"{name}1"] == plain[f"{name}1"], (mask == (1 if planted else 0),))


def clip_inside(planted: bool = False) -> Iterator[Claim]:
    """A bound that the memory does not reach changes nothing; with any bound |c_t| is at most the bound."""
    made, _ = run("lstm", clip=0.5)
    plain, _ = run("lstm")
    bound = z3.Real("clip")
    inside = (bound > 0,) if planted else (bound > 0, absolute(plain["c1"]) <= bound)
    yield from equal("clip inside", (made["c1"], made["h1"]), (plain["c1"], plain["h1"]), *inside)
    yield Claim("|c| <= clip", absolute(made["c1"]) <= bound, (bound > 0,))
