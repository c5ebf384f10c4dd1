"""Time in one direction: what comes later changes nothing that came before, and a sequence may be cut anywhere."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from refseq.checks.implementation import NotOffered
from refseq.checks.problem import Problem
from refseq.checks.properties.claim import Claim, Claims, asks
from refseq.checks.properties.spread import of_two
from refseq.checks.properties.variants import cut, live
from refseq.checks.subject import Subject

Arrays = dict[str, np.ndarray]


def one_way(subject: Subject, _problem: Problem) -> bool:
    """Time runs in one direction."""
    return not subject.layer.bidirectional


def one_way_and_long(subject: Subject, problem: Problem) -> bool:
    """There is an earlier and a later half."""
    return not subject.layer.bidirectional and len(problem.x) > 1


@asks("prefix", "Are the first outputs those of the sequence cut short after them?", one_way_and_long)
def prefix(subject: Subject, problem: Problem) -> Claims:
    """y of x[:k] is y[:k] of x."""
    k = len(problem.x) // 2
    whole, short = subject.forward(problem), subject.forward(cut(problem, 0, k))
    spread = of_two(subject, problem)
    yield Claim(f"the first {k} steps alone", {"y": short["y"]}, {"y": whole["y"][:k]}, {"y": spread["y"][:k]})


@asks("causality", "Do outputs ignore the inputs of later steps?", one_way_and_long)
def causality(subject: Subject, problem: Problem) -> Claims:
    """y[:k] does not change with x[k:]."""
    k = len(problem.x) // 2
    x = problem.x.copy()
    x[k:] = 1 - 2 * x[k:]
    before, after = subject.forward(problem), subject.forward(replace(problem, x=x))
    spread = of_two(subject, problem)
    words = f"with other inputs from t = {k} on"
    yield Claim(words, {"y": after["y"][:k]}, {"y": before["y"][:k]}, {"y": spread["y"][:k]})


def in_chunks(subject: Subject, problem: Problem, cuts: Sequence[int]) -> Arrays:
    """The answer put together from chunks: states are carried forward, their cotangents backward, gradients of
    parameters add up."""
    chunks, outputs, state = [], [], dict(problem.state)
    for first, last in pairwise(cuts):
        chunks.append(replace(cut(problem, first, last), state=state))
        found = subject.forward(chunks[-1])
        outputs.append(found["y"])
        state = {name: found[f"state[{name}]"] for name in state}
    result = {"y": np.concatenate(outputs), **{f"state[{name}]": value for name, value in state.items()}}
    total: Arrays = {"d" + name: np.zeros_like(value) for name, value in problem.params.items()}
    pieces, dstate = [], dict(problem.dstate)
    for chunk in reversed(chunks):
        try:
            grads = subject.vjp(replace(chunk, dstate=dstate))
        except NotOffered:
            return result
        pieces.append(grads["dx"])
        dstate = {name: grads[f"dstate[{name}]"] for name in dstate}
        total = {name: value + grads[name] for name, value in total.items()}
    total["dx"] = np.concatenate(pieces[::-1])
    return result | total | {f"dstate[{name}]": value for name, value in dstate.items()}


@asks(
    "splitting", "Do two chunks with the state carried over, and its cotangent back, equal the whole?", one_way_and_long
)
def splitting(subject: Subject, problem: Problem) -> Claims:
    """f(x1 x2, s) = f(x2, f(x1, s)), and BPTT through both chunks is BPTT through the whole."""
    steps = len(problem.x)
    found, whole = in_chunks(subject, problem, (0, steps // 2, steps)), subject.everything(problem)
    # both do the same steps; the sums over time have the same terms in another order
    yield Claim(f"in two chunks, cut at t = {steps // 2}", found, whole, of_two(subject, problem))


@asks("step by step", "Do calls with one step each equal one call with all steps?", one_way_and_long)
def step_by_step(subject: Subject, problem: Problem) -> Claims:
    """The layer is its single step, iterated; the adjoint is the adjoint step, iterated backward."""
    found, whole = in_chunks(subject, problem, range(len(problem.x) + 1)), subject.everything(problem)
    yield Claim("in calls of one step", found, whole, of_two(subject, problem))


def outputs_apart(subject: Subject, _problem: Problem) -> bool:
    """The outputs of two directions are not added."""
    return not subject.layer.bidirectional or subject.layer.merge == "concat"


@asks(
    "final state is last output",
    "Is the final state h of the last layer its output at the last step taken?",
    outputs_apart,
)
def final_state(subject: Subject, problem: Problem) -> Claims:
    """The forward direction ends at t = length - 1, the reverse direction at t = 0."""
    tensors, layer = subject.forward(problem), subject.layer
    output = layer.cell.state[0]
    expected, rows = tensors[f"state[{output}]"].copy(), live(problem)
    for part in layer.parts:
        if part.layer == layer.layers - 1:
            width = part.width(output)
            units = slice(part.direction * width, (part.direction + 1) * width)
            last = np.zeros(len(rows), int) if part.reverse else problem.counts[rows] - 1
            expected[part.row, rows] = tensors["y"][last, rows, units]
    name = f"state[{output}]"
    yield Claim("against the last output", {name: tensors[name]}, {name: expected}, None)


@asks("no steps", "With T = 0, is the state kept and its cotangent handed through?", edge=True)
def no_steps(subject: Subject, problem: Problem) -> Claims:
    """Nothing happens in no time: no gradient of any parameter either."""
    empty = replace(cut(problem, 0, 0), lengths=None)
    kept = {f"state[{name}]": value for name, value in problem.state.items()}
    kept |= {f"dstate[{name}]": value for name, value in problem.dstate.items()}
    kept |= {"d" + name: np.zeros_like(value) for name, value in problem.params.items()}
    found = subject.everything(empty)
    yield Claim("T = 0", {name: value for name, value in found.items() if name in kept}, kept, None)
