"""Rows shorter than the batch: what lies beyond a row's length does not exist."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from refseq.checks.problem import Problem
from refseq.checks.properties.claim import Claim, Claims, asks, unpadded
from refseq.checks.properties.spread import noise, of_two, quadrature
from refseq.checks.properties.variants import cut, few, live, padding, per_row, rows
from refseq.checks.subject import Subject


def padded(_subject: Subject, problem: Problem) -> bool:
    """Some row is shorter than the batch."""
    return problem.lengths is not None and bool(np.any(padding(problem)))


def lengths_given(_subject: Subject, problem: Problem) -> bool:
    """The problem has lengths."""
    return problem.lengths is not None


def held(_subject: Subject, problem: Problem) -> bool:
    """Some row has no step."""
    return bool(np.any(problem.counts == 0))


def filled(problem: Problem, x: float, dy: float) -> Problem:
    """The problem with these numbers in the padding of x and of the cotangent of y."""
    outside = padding(problem)[..., None]
    fill = np.dtype(problem.dtype).type
    return replace(problem, x=np.where(outside, fill(x), problem.x), dy=np.where(outside, fill(dy), problem.dy))


@asks("zeros in the padding", "Are outputs and dx exactly zero beyond each row's length?", padded)
def zeros_in_the_padding(subject: Subject, problem: Problem) -> Claims:
    """Not even rounding noise."""
    outside, found = padding(problem)[..., None], subject.everything(problem)
    edges = {name: found[name] for name in ("y", "dx") if name in found}
    yield Claim("beyond the length", edges, {name: np.where(outside, 0, v) for name, v in edges.items()}, None)


@asks("padding is ignored", "Does it matter which numbers stand in the padding of x and of the cotangents?", padded)
def padding_is_ignored(subject: Subject, problem: Problem) -> Claims:
    """1e30 in x, -1e30 in dy, which no sum would survive."""
    whole, found = subject.everything(problem), subject.everything(filled(problem, 1e30, -1e30))
    yield Claim("with 1e30 in the padding", found, whole, of_two(subject, problem))


@asks("NaN in the padding", "Do NaN and infinity in the padding stay there?", padded)
def nan_in_the_padding(subject: Subject, problem: Problem) -> Claims:
    """0 * NaN is NaN: a mask that multiplies is not enough."""
    whole, spread = subject.everything(problem), of_two(subject, problem)
    for words, x, dy in (("NaN", np.nan, np.nan), ("infinity", np.inf, -np.inf)):
        yield Claim(f"with {words} in the padding", subject.everything(filled(problem, x, dy)), whole, spread)


@asks("more padding", "Do two more steps of padding change anything?", lengths_given)
def more_padding(subject: Subject, problem: Problem) -> Claims:
    """The same lengths in a longer batch."""
    steps = len(problem.x)
    index = np.arange(steps + 2) % steps  # the padding repeats the sequence
    masks = {name: value[:, index].copy() for name, value in problem.masks.items()}
    longer = replace(problem, x=problem.x[index].copy(), dy=problem.dy[index].copy(), masks=masks)
    whole, found = subject.everything(problem), subject.everything(longer)
    tails = {name: found[name][steps:] for name in ("y", "dx") if name in found}
    heads = {name: found[name][:steps] for name in tails}
    yield Claim("two more steps of padding", found | heads, whole, of_two(subject, problem))
    yield Claim("in the new padding", tails, {name: 0 * value for name, value in tails.items()}, None)


def _trimmed(subject: Subject, problem: Problem) -> Iterator[tuple[int, int, dict[str, np.ndarray]]]:
    for row in live(problem):
        count = int(problem.counts[row])
        alone = replace(rows(problem, [row]), lengths=None)
        yield row, count, subject.everything(cut(alone, 0, count))


@asks(
    "trimmed rows",
    "Does every row, cut to its length and run without lengths, give what it gives in the batch?",
    padded,
)
def trimmed_rows(subject: Subject, problem: Problem) -> Claims:
    """Lengths are nothing but a way to batch rows; gradients of parameters add up."""
    whole = subject.everything(problem)
    found = {name: value.copy() if per_row(name) else np.zeros_like(value) for name, value in whole.items()}
    for row, count, tensors in _trimmed(subject, problem):
        for name, value in tensors.items():
            if name in ("y", "dx"):
                found[name][:count, [row]] = value
            elif per_row(name):
                found[name][:, [row]] = value
            else:
                found[name] = found[name] + value
    yield Claim("rows cut to their lengths", found, whole, of_two(subject, problem))


@asks("full lengths", "Are lengths that all equal T the same as no lengths?", lengths_given)
def full_lengths(subject: Subject, problem: Problem) -> Claims:
    """Two ways to say that there is no padding."""
    whole = few(unpadded(problem))
    said = replace(whole, lengths=np.full(whole.x.shape[1], len(whole.x)))
    spread = noise(subject, whole, gradients=True)
    yield Claim(
        "lengths T against none", subject.everything(said), subject.everything(whole), quadrature(spread, spread)
    )


@asks("rows without a step", "Is the state of a row of length 0 kept, and its cotangent handed through?", held)
def rows_without_a_step(subject: Subject, problem: Problem) -> Claims:
    """To the bit: nothing is computed."""
    index, found = np.flatnonzero(problem.counts == 0), subject.everything(problem)
    kept = {f"state[{name}]": value for name, value in problem.state.items()}
    kept |= {f"dstate[{name}]": value for name, value in problem.dstate.items()}
    expected = {name: found[name].copy() for name in kept if name in found}
    for name, value in expected.items():
        value[:, index] = kept[name][:, index]
    yield Claim("length 0", {name: found[name] for name in expected}, expected, None)


@asks("rows without a step are inert", "Do rows of length 0 leave all other rows and the parameters alone?", held)
def inert_rows(subject: Subject, problem: Problem) -> Claims:
    """Other states and cotangents in them change no gradient of a parameter."""
    index = np.flatnonzero(problem.counts == 0)
    state, dstate = ({n: v.copy() for n, v in arrays.items()} for arrays in (problem.state, problem.dstate))
    for value in (*state.values(), *dstate.values()):
        value[:, index] = 1 - 2 * value[:, index]
    whole, found = subject.everything(problem), subject.everything(replace(problem, state=state, dstate=dstate))
    for name, value in found.items():
        if "state[" in name:
            value[:, index] = whole[name][:, index]  # the rows themselves are not judged
    yield Claim("with other states in rows of length 0", found, whole, of_two(subject, problem))


@asks(
    "all rows without a step", "With all lengths 0, is everything held and no gradient made?", lengths_given, edge=True
)
def all_rows_without_a_step(subject: Subject, problem: Problem) -> Claims:
    """A batch that is all padding."""
    found = subject.everything(replace(problem, lengths=np.zeros_like(problem.counts)))
    expected = {name: np.zeros_like(value) for name, value in found.items()}
    expected |= {f"state[{name}]": value for name, value in problem.state.items()}
    expected |= {f"dstate[{name}]": value for name, value in problem.dstate.items()}
    yield Claim("all lengths 0", found, expected, None)
