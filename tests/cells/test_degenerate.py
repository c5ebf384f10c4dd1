"""Recurrences that become other recurrences: values, states and all gradients, bit for bit.

Gates are opened and shut by biases of +-1000, whose sigmoid is exactly 1 or 0 in floats; products with 0 and 1 and sums
with 0 are exact, so that what remains are the other recurrence's own operations in its own order. (-0 counts as 0.)
Where sums are taken in another order, or the two formulas are equal for real numbers only, the comparison is over balls
of 192 bits, in which e^-1000 is below the last place of 1.
"""

import numpy as np
import pytest
from flint import arb

from refseq.arrays import lift
from refseq.checks.problem import draw
from refseq.fields.ball import precision
from tests.cells.degenerate import CASES, GRU, KEEPERS, OPEN, UNITS, Case
from tests.interpreted import agree, everything, raised
from tests.variants import label, layer

STEPS, ROWS = 6, 5


def block(subject, arrays, place):
    """A parameter, or the block of one gate: a view."""
    if isinstance(place, str):
        return arrays[place]
    name, gate = place
    return arrays[name][subject.parts[0].blocks()[name].index(gate)]


def shared(case, plain):
    """Places of all parameters of the plain layer, and where they are in the special one."""
    blocks = plain.parts[0].blocks()
    for name in plain.shapes:
        theirs = case.names.get(name, name)
        if name in blocks:
            yield from (((name, gate), (theirs, case.gates.get(gate, gate))) for gate in blocks[name])
        else:
            yield name, theirs


def lend(special, plain, case, theirs, number):
    """The special layer's problem, with everything that it shares with the plain one."""
    ours = raised(draw(special, "float64", STEPS, ROWS), number)
    for there, here in shared(case, plain):
        block(special, ours["params"], here)[...] = block(plain, theirs["params"], there)
    for here, value in case.fixed.items():
        spot = block(special, ours["params"], here)
        spot[...] = lift(np.broadcast_to(value, spot.shape), number)
    for mask in ours["masks"].values():
        mask[...] = number(case.masks)
    states = list(zip(special.cell.state, plain.cell.state, strict=True))
    shares = {kind: {a: theirs[kind][b] for a, b in states} for kind in ("state", "dstate")}
    return ours | shares | {"x": theirs["x"], "dy": theirs["dy"]}


def differing(case):
    """The tensors of the plain layer that the special one does not have."""
    special, plain = layer(case.special, units=UNITS), layer(case.plain, units=UNITS)
    number, equal = (arb, agree) if case.reordered else (float, np.array_equal)
    with precision(192):
        given = raised(draw(plain, "float64", STEPS, ROWS), number)
        theirs = everything(plain, given)
        ours = everything(special, lend(special, plain, case, given, number))
        pairs = {name: (ours[name], theirs[name]) for name in ("y", "dx")}
        for a, b in zip(special.cell.state, plain.cell.state, strict=True):
            pairs |= {f"{kind}[{b}]": (ours[f"{kind}[{a}]"], theirs[f"{kind}[{b}]"]) for kind in ("state", "dstate")}
        mine, other = (
            {name: found["d" + name] for name in of.shapes} for found, of in ((ours, special), (theirs, plain))
        )
        for there, here in shared(case, plain):
            if here not in case.fixed:
                pairs[f"d{there}"] = block(special, mine, here), block(plain, other, there)
        return [name for name, (a, b) in pairs.items() if not equal(a, b)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_is_the_other(case):
    assert differing(case) == []


@pytest.mark.parametrize("reordered", [False, True])
def test_a_gate_that_is_not_shut_is_found(reordered):
    almost = {("b_h", "z"): -30.0, ("b_h", "r"): OPEN}
    almost = Case(GRU, ("elman", {}), almost, gates={"h": "n"}, reordered=reordered)
    assert {"y", "dx", "state[h]", "dstate[h]"} <= set(differing(almost))


@pytest.mark.parametrize("case", KEEPERS, ids=lambda case: label(case.special))
def test_a_state_that_is_kept(case):
    """Whatever x is: the state stays, its cotangent passes unchanged, and nothing else has a gradient."""
    subject = layer(case.special, units=UNITS)
    given = raised(draw(subject, "float64", STEPS, ROWS), float)
    for here, value in case.fixed.items():
        block(subject, given["params"], here)[...] = value
    for mask in given["masks"].values():
        mask[...] = case.masks
    found = everything(subject, given)
    for number, name in enumerate(subject.cell.state):
        assert np.array_equal(found[f"state[{name}]"], given["state"][name])
        cotangent = given["dstate"][name][0].copy()
        for b, length in enumerate(given["lengths"]):
            for t in reversed(range(length if number == 0 else 0)):
                cotangent[b] = cotangent[b] + given["dy"][t, b]
                assert np.array_equal(found["y"][t, b], given["state"][name][0, b])
        assert np.array_equal(found[f"dstate[{name}]"][0], cotangent)
    assert not any(found["d" + name].any() for name in subject.shapes)
    assert not found["dx"].any()


def over_balls(subject, change=lambda params: None):
    """A problem of this layer over balls, its parameters changed in place, and all its tensors."""
    given = raised(draw(subject, "float64", STEPS, ROWS), arb)
    change(given["params"])
    return given, everything(subject, given)


def test_coupled_gates_are_an_lstm_with_mirrored_ones():
    """i = 1 - sigmoid(a) = sigmoid(-a): the input gate has the forget gate's parameters with the other sign."""
    coupled, full = layer(("lstm_coupled", {})), layer(("lstm", {}))
    with precision(192):
        given, theirs = over_balls(coupled)
        mirrored = {name: np.concatenate([-value[:1], value]) for name, value in given["params"].items()}
        ours = everything(full, given | {"params": mirrored})
        for name in mirrored:
            i, f, g, o = ours["d" + name]
            ours["d" + name] = np.stack([f - i, g, o])
        assert [name for name in theirs if not agree(ours[name], theirs[name])] == []


def test_a_skip_of_one_step_merges_its_matrices():
    """W_hh h + W_hd h = (W_hh + W_hd) h; both have the gradient of the sum."""
    skip, elman = layer(("skip", {"delay": 1})), layer(("elman", {}))
    with precision(192):
        given, ours = over_balls(skip)
        merged = {name: given["params"][name] for name in ("W_hx", "b_h")}
        theirs = everything(
            elman, given | {"params": merged | {"W_hh": given["params"]["W_hh"] + given["params"]["W_hd"]}}
        )
        theirs["dW_hd"] = theirs["dW_hh"]
        assert [name for name in ours if not agree(ours[name], theirs[name])] == []


@pytest.mark.parametrize("name", ["lstm_peephole", "lstm_peephole_coupled"])
@pytest.mark.parametrize("sees", ["old", "new"])
def test_a_full_peephole_of_diagonal_matrices_is_a_diagonal_one(name, sees):
    """W_hc[k] = diag(w_ck); the gradient of w_ck is the diagonal of that of W_hc[k]."""
    narrow, full = (layer((name, {"output_sees": sees, "peephole": kind})) for kind in ("diagonal", "full"))
    with precision(192):
        given, theirs = over_balls(narrow)
        own = narrow.cell.own
        params = {key: value for key, value in given["params"].items() if key not in own}
        eye = lift(np.eye(UNITS), arb)
        params["W_hc"] = np.stack([eye * given["params"][key] for key in own])
        ours = everything(full, given | {"params": params})
        ours |= {f"d{key}": np.diagonal(gradient) for key, gradient in zip(own, ours["dW_hc"], strict=True)}
        assert [name for name in theirs if not agree(ours[name], theirs[name])] == []
