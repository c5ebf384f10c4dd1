"""Gates forced open or shut by their biases: what is left of the cell is known.

A forced gate has no weights and the bias +-100: sigmoid(-100) is 4e-44, far below the rounding of what it multiplies,
and its exponential is still a number in float32.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from refseq.checks.problem import Problem
from refseq.checks.properties import spread as spreads
from refseq.checks.properties.claim import Claim, Claims, asks
from refseq.checks.properties.formulas import WIDE, biases, feed_forward, reset_bias
from refseq.checks.properties.spread import quadrature
from refseq.checks.properties.variants import cotangents, few, padding
from refseq.checks.subject import Subject

OPEN, SHUT = 100.0, -100.0
LEAK = np.exp(SHUT / 2)
"""What may come of a gate that is shut: sigmoid(-100) of what it multiplies, grown by e^50 on its way through time and
layers. It is judged instead of rounding where nothing else is left, and 1e-6 of a rounding of 1 in float64."""


def lstm(subject: Subject, _problem: Problem) -> bool:
    """An LSTM whose gates have biases."""
    return subject.layer.cell.label == "lstm" and subject.layer.bias


def gru(subject: Subject, _problem: Problem) -> bool:
    """A GRU whose gates have biases."""
    return subject.layer.cell.label in ("gru(reset=before)", "gru(reset=after)") and subject.layer.bias


def single_gru(subject: Subject, problem: Problem) -> bool:
    """One layer of it."""
    return gru(subject, problem) and subject.layer.layers == 1


def single_one_way_gru(subject: Subject, problem: Problem) -> bool:
    """One layer of it, in one direction."""
    return single_gru(subject, problem) and not subject.layer.bidirectional


def forced(problem: Problem, gates: Mapping[str, float]) -> Problem:
    """Two rows of the problem with these gates forced in every layer and direction."""
    problem = few(problem)
    params = {name: value.copy() for name, value in problem.params.items()}
    for part in problem.layer.parts:
        for name, bias in gates.items():
            gate = problem.layer.cell.gates.index(name)
            params[f"W_hx{part.suffix}"][gate] = 0
            params[f"W_hh{part.suffix}"][gate] = 0
            params[f"b_h{part.suffix}"][gate] = bias
    return replace(problem, params=params)


def noise(subject: Subject, problem: Problem, *, gradients: bool = False) -> dict[str, np.ndarray]:
    """Of one run, and of what leaks through shut gates."""
    return {name: spread + LEAK for name, spread in spreads.noise(subject, problem, gradients=gradients).items()}


@asks("memory is held", "With input gates shut and forget gates open, is the memory kept, and its gradient?", lstm)
def memory_is_held(subject: Subject, problem: Problem) -> Claims:
    """c_T = c_0, and the cotangent of c_T is that of c_0: the constant error carousel."""
    held = forced(problem, {"i": SHUT, "f": OPEN})
    held = cotangents(held, dstate={"c": held.dstate["c"]})
    spread = noise(subject, held, gradients=True)
    found = subject.forward(held)
    yield Claim("i shut, f open", {"state[c]": found["state[c]"]}, {"state[c]": held.state["c"]}, spread)
    grads = subject.vjp(held)
    yield Claim("i shut, f open", {"dstate[c]": grads["dstate[c]"]}, {"dstate[c]": held.dstate["c"]}, spread)


@asks("memory is forgotten", "With forget gates shut, does the initial memory change nothing?", lstm)
def memory_is_forgotten(subject: Subject, problem: Problem) -> Claims:
    """c_t = i_t g_t."""
    blank = forced(problem, {"f": SHUT})
    other = replace(blank, state=dict(blank.state) | {"c": 1 - 2 * blank.state["c"]})
    first, second = subject.forward(blank), subject.forward(other)
    spread = quadrature(noise(subject, blank), noise(subject, other))
    yield Claim("f shut, with another initial memory", second, first, spread)


@asks("output gate shut", "With output gates shut, are all outputs zero?", lstm)
def output_gate_shut(subject: Subject, problem: Problem) -> Claims:
    """h_t = 0, up to sigmoid(-100)."""
    shut = forced(problem, {"o": SHUT})
    y = subject.forward(shut)["y"]
    yield Claim("o shut", {"y": y}, {"y": np.zeros_like(y)}, noise(subject, shut))


@asks("output gate open", "With output gates open, is the output tanh of the memory?", lstm)
def output_gate_open(subject: Subject, problem: Problem) -> Claims:
    """h_T = tanh c_T, of the two final states."""
    opened = forced(problem, {"o": OPEN})
    found, spread = subject.forward(opened), noise(subject, opened)
    expected = np.tanh(found["state[c]"].astype(WIDE)).astype(np.float64)
    yield Claim("o open", {"state[h]": found["state[h]"]}, {"state[h]": expected}, spread)


@asks("update gate open", "With z = 1, is the state copied through, and its gradient?", gru)
def update_gate_open(subject: Subject, problem: Problem) -> Claims:
    """h_t = h_0, and the cotangents of all outputs and of the final state add up at h_0."""
    copied = forced(problem, {"z": OPEN})
    layer, spread, inside = copied.layer, noise(subject, copied, gradients=True), ~padding(copied)[..., None]
    h0, dh0 = copied.state["h"], copied.dstate["h"].astype(WIDE)
    last = [part.row for part in layer.parts if part.layer == layer.layers - 1]
    y = inside * np.concatenate([h0[row] for row in last], axis=1)
    summed = np.sum(copied.dy.astype(WIDE) * inside, axis=0)
    for row, dy in zip(last, np.split(summed, layer.directions, axis=1), strict=True):
        dh0[row] += dy
    yield Claim("z = 1", subject.forward(copied), {"y": y, "state[h]": h0}, spread)
    grads = subject.vjp(copied)
    yield Claim("z = 1", {"dstate[h]": grads["dstate[h]"]}, {"dstate[h]": dh0.astype(np.float64)}, spread)


@asks("GRU as Elman", "With z = 0 and r = 1, is a GRU the simple network of its candidate?", single_one_way_gru)
def gru_as_elman(subject: Subject, problem: Problem) -> Claims:
    """h_t = tanh(W_hx x_t + W_hh h_{t-1} + b), with the weights of gate n."""
    simple = forced(problem, {"z": SHUT, "r": OPEN})
    n = simple.layer.cell.gates.index("n")
    W, U = (simple.params[name][n].astype(WIDE) for name in ("W_hx", "W_hh"))
    b, h, outputs = biases(simple, "")[n] + reset_bias(simple, ""), simple.state["h"][0].astype(WIDE), []
    for x in simple.x.astype(WIDE):
        h = np.tanh(x @ W.T + h @ U.T + b)
        outputs.append(h)
    y = np.where(padding(simple)[..., None], 0, np.stack(outputs)).astype(np.float64)
    yield Claim("z = 0, r = 1", {"y": subject.forward(simple)["y"]}, {"y": y}, noise(subject, simple))


@asks("reset gate shut", "With z = 0 and r = 0, is every step a function of its own input?", single_gru)
def reset_gate_shut(subject: Subject, problem: Problem) -> Claims:
    """h_t = tanh(W_hx x_t + b_h) of gate n: neither the old state nor b_hn gets through."""
    reset = forced(problem, {"z": SHUT, "r": SHUT})
    y = feed_forward(reset, reset.layer.cell.gates.index("n"), np.tanh)
    yield Claim("z = 0, r = 0", {"y": subject.forward(reset)["y"]}, {"y": y}, noise(subject, reset))


@asks("whose reset gate", "Does a reset gate act on the unit that it belongs to?", single_gru)
def whose_reset_gate(subject: Subject, problem: Problem) -> Claims:
    """With z = 0 and the reset gate of the last unit shut. Before the product, nobody reads that unit's state; after
    it, that unit reads nobody's."""
    layer = subject.layer
    shut = forced(problem, {"z": SHUT, "r": OPEN})
    for part in layer.parts:
        shut.params[f"b_h{part.suffix}"][layer.cell.gates.index("r"), -1] = SHUT
    first, spread = subject.forward(shut)["y"], noise(subject, shut)
    if layer.cell.options["reset"] == "before":
        h = shut.state["h"].copy()
        h[:, :, -1] = 1 - 2 * h[:, :, -1]
        other = replace(shut, state={"h": h})
        second, spread = subject.forward(other)["y"], quadrature(spread, noise(subject, other))
        yield Claim(
            "z = 0, r of the last unit shut, with another state of that unit", {"y": second}, {"y": first}, spread
        )
    else:
        alone = feed_forward(shut, layer.cell.gates.index("n"), np.tanh)
        expected = first.astype(np.float64)
        expected[..., layer.units - 1 :: layer.units] = alone[..., layer.units - 1 :: layer.units]
        yield Claim("z = 0, r of the last unit shut", {"y": first}, {"y": expected}, spread)
