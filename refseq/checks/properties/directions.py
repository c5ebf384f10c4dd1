"""Two directions, and layers on one another: who may depend on whom."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from refseq.checks.problem import Problem
from refseq.checks.properties.claim import Claim, Claims, asks
from refseq.checks.properties.spread import of_two
from refseq.checks.properties.variants import cotangents, named, with_named
from refseq.checks.subject import Subject
from refseq.checks.tensors import DIRECTIONS
from refseq.networks.packing import Part

Arrays = dict[str, np.ndarray]


def both_ways(subject: Subject, _problem: Problem) -> bool:
    """Two directions."""
    return subject.layer.bidirectional


def both_ways_once(subject: Subject, _problem: Problem) -> bool:
    """Two directions, one layer: the halves of y are the directions."""
    return subject.layer.bidirectional and subject.layer.layers == 1 and subject.layer.merge == "concat"


def deep(subject: Subject, _problem: Problem) -> bool:
    """Layers on one another."""
    return subject.layer.layers > 1


def mirrored(problem: Problem, tensors: Mapping[str, np.ndarray]) -> Arrays:
    """Every tensor of the problem run from the other end: time reversed within each row's length, directions swapped.
    Its own inverse."""
    layer, counts = problem.layer, problem.counts
    times = np.arange(len(problem.x))[:, None]
    other_end = np.where(times < counts, counts - 1 - times, times)[..., None]
    result = dict(tensors)

    def halves_swapped(array: np.ndarray) -> np.ndarray:
        return np.roll(array, array.shape[2] // 2, axis=2) if layer.merge == "concat" else array.copy()

    def partners_swapped(array: np.ndarray) -> np.ndarray:
        return array.reshape(layer.layers, 2, *array.shape[1:])[:, ::-1].reshape(array.shape)

    for name, value in tensors.items():
        if name in ("y", "dx"):
            turned = np.take_along_axis(value, other_end, axis=0)
            result[name] = halves_swapped(turned) if name == "y" else turned
        elif name.startswith("mask["):
            result[name] = partners_swapped(np.take_along_axis(value, other_end[None], axis=1))
        elif "state[" in name:
            result[name] = partners_swapped(value)
    for part in layer.parts:
        partner = next(p for p in layer.parts if p.layer == part.layer and p.direction != part.direction)
        readers = {name for name, matrix in part.cell.layout.matrices.items() if matrix.inputs == "inputs"}
        for full in part.shapes():
            base = full.removesuffix(part.suffix) if part.suffix else full
            if f"d{full}" in tensors:
                value = tensors[f"d{base}{partner.suffix}"]
                swaps = base in readers and part.layer
                result[f"d{full}"] = halves_swapped(value) if swaps else value.copy()
    return result


@asks("time reversal", "Is the reversed sequence with swapped directions the reversed answer?", both_ways)
def time_reversal(subject: Subject, problem: Problem) -> Claims:
    """Reversal within each row's length; parameters and states of the two directions change places, in every layer."""
    whole, found = (
        subject.everything(problem),
        subject.everything(with_named(problem, mirrored(problem, named(problem)))),
    )
    yield Claim("run from the other end", mirrored(problem, found), whole, of_two(subject, problem))


def other_part(problem: Problem, parts: list[Part]) -> Problem:
    """Other parameters and initial states in these parts."""
    params = dict(problem.params)
    state = {name: value.copy() for name, value in problem.state.items()}
    for part in parts:
        for name in part.shapes():
            params[name] = np.roll(params[name], 1, axis=-1) / 2
        for value in state.values():
            value[part.row] = 1 - 2 * value[part.row]
    return replace(problem, params=params, state=state)


@asks("independent directions", "Does each direction ignore the parameters and states of the other?", both_ways)
def independent_directions(subject: Subject, problem: Problem) -> Claims:
    """Final states of the first layer; with one layer also the direction's half of y."""
    layer, spread, whole = subject.layer, of_two(subject, problem), subject.forward(problem)
    for part in layer.parts[:2]:
        judged = layer.parts[1 - part.direction]
        found = subject.forward(other_part(problem, [part]))
        kept = {name: value.copy() for name, value in whole.items()}
        for name in problem.state:
            kept[f"state[{name}]"][judged.row] = found[f"state[{name}]"][judged.row]
        if both_ways_once(subject, problem):
            width = layer.outputs // 2
            half = slice(judged.direction * width, (judged.direction + 1) * width)
            kept["y"][..., half] = found["y"][..., half]
        words = f"with other parameters and states in the {DIRECTIONS[part.direction]} direction"
        yield Claim(words, kept, whole, spread)


@asks("one-sided halves", "Does each half of y depend on its own side of the sequence only?", both_ways_once)
def one_sided_halves(subject: Subject, problem: Problem) -> Claims:
    """The forward half at t < k ignores x[k:], the reverse half at t >= k ignores x[:k]."""
    k, units = len(problem.x) // 2, subject.layer.outputs // 2
    whole, spread = subject.forward(problem), of_two(subject, problem)
    before, after = slice(0, k), slice(k, None)
    for changed, kept, half in ((after, before, slice(0, units)), (before, after, slice(units, None))):
        x = problem.x.copy()
        x[changed] = 1 - 2 * x[changed]
        y = whole["y"].copy()
        y[kept, :, half] = subject.forward(replace(problem, x=x))["y"][kept, :, half]
        side = "later" if changed is after else "earlier"
        yield Claim(f"with other {side} inputs, cut at t = {k}", {"y": y}, whole, spread)


@asks(
    "gradient of one direction", "Do cotangents of one direction reach its parameters and states only?", both_ways_once
)
def gradient_of_one_direction(subject: Subject, problem: Problem) -> Claims:
    """All gradients of the other direction are zero, to the bit."""
    layer, units = subject.layer, subject.layer.outputs // 2
    for part in layer.parts:
        dy, dstate = np.zeros_like(problem.dy), {n: np.zeros_like(v) for n, v in problem.dstate.items()}
        half = slice(part.direction * units, (part.direction + 1) * units)
        dy[..., half] = problem.dy[..., half]
        for name, value in dstate.items():
            value[part.row] = problem.dstate[name][part.row]
        found = subject.vjp(cotangents(problem, dy, dstate))
        words = f"cotangents of the {DIRECTIONS[part.direction]} direction only"
        yield Claim(words, found, silent(found, [layer.parts[1 - part.direction]], problem), None)


def silent(grads: Arrays, parts: list[Part], problem: Problem) -> Arrays:
    """These gradients with zeros in the parameters and initial states of some parts."""
    result = {name: value.copy() for name, value in grads.items()}
    for part in parts:
        for name in part.shapes():
            result[f"d{name}"][...] = 0
        for name in problem.state:
            result[f"dstate[{name}]"][part.row] = 0
    return result


@asks("lower layers", "Do lower layers ignore the last one, and does it get no gradient from their states?", deep)
def lower_layers(subject: Subject, problem: Problem) -> Claims:
    """Final states of all layers but the last do not change with its parameters and states."""
    layer = subject.layer
    last = [part for part in layer.parts if part.layer == layer.layers - 1]
    whole, found = subject.forward(problem), subject.forward(other_part(problem, last))
    states = {name: value.copy() for name, value in whole.items() if name != "y"}
    for name, value in states.items():
        value[: last[0].row] = found[name][: last[0].row]
    yield Claim("with other parameters and states in the last layer", states, whole, of_two(subject, problem))
    dstate = {name: value.copy() for name, value in problem.dstate.items()}
    for value in dstate.values():
        value[last[0].row :] = 0
    grads = subject.vjp(cotangents(problem, dstate=dstate))
    yield Claim("cotangents of the lower layers' states only", grads, silent(grads, last, problem), None)
