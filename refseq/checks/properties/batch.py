"""Rows of a batch know nothing of one another; gradients of parameters are sums over rows."""

from dataclasses import replace

import numpy as np

from refseq.checks.problem import Problem
from refseq.checks.properties.claim import Claim, Claims, asks
from refseq.checks.properties.spread import of_two
from refseq.checks.properties.variants import by_row, cotangents, live, per_row, rows
from refseq.checks.subject import Subject


def several_rows(_subject: Subject, problem: Problem) -> bool:
    """More than one row has a step."""
    return len(live(problem)) > 1


@asks(
    "row alone",
    "Does every row alone give what it gives in the batch, and do gradients add up over rows?",
    several_rows,
)
def row_alone(subject: Subject, problem: Problem) -> Claims:
    """A batch is its rows; rows without a step are left out, as not every library takes a batch of nothing else."""
    whole = subject.everything(problem)
    found = {name: value.copy() if per_row(name) else np.zeros_like(value) for name, value in whole.items()}
    for row in live(problem):
        for name, value in subject.everything(rows(problem, [row])).items():
            if per_row(name):
                found[name][:, [row]] = value
            else:
                found[name] = found[name] + value
    yield Claim("row by row", found, whole, of_two(subject, problem))


def _in_order(subject: Subject, problem: Problem, words: str, order: np.ndarray) -> Claims:
    whole, found = subject.everything(problem), subject.everything(rows(problem, order))
    back = np.argsort(order)
    yield Claim(words, found | by_row(found, back), whole, of_two(subject, problem))


@asks("row order", "Are rows in another order the same rows, with the same gradients of parameters?", several_rows)
def row_order(subject: Subject, problem: Problem) -> Claims:
    """Turned by one place: not its own inverse, so that a permutation applied the wrong way round shows."""
    yield from _in_order(subject, problem, "rows turned by one", np.roll(np.arange(len(problem.counts)), 1))


def unequal(subject: Subject, problem: Problem) -> bool:
    """Rows differ in length."""
    return several_rows(subject, problem) and len(set(problem.counts)) > 1


@asks("sorted by length", "Does it matter whether rows come sorted by length?", unequal)
def sorted_by_length(subject: Subject, problem: Problem) -> Claims:
    """Libraries that pack sequences sort rows, and must sort states and cotangents with them, and all back."""
    yield from _in_order(subject, problem, "longest row first", np.argsort(-problem.counts, kind="stable"))


@asks("repeated rows", "Do rows that occur twice give the same twice, and twice their gradients of parameters?")
def repeated_rows(subject: Subject, problem: Problem) -> Claims:
    """The batch after itself, twice as many rows."""
    count = len(problem.counts)
    whole, twice = subject.everything(problem), subject.everything(rows(problem, np.tile(np.arange(count), 2)))
    spread = of_two(subject, problem)
    # errors of equal rows are equal and double like the gradient: half of it has the budget of one batch
    halves = {name: value / 2 for name, value in twice.items() if not per_row(name)}
    yield Claim("twice the rows, half the gradient", halves, whole, spread)
    yield Claim("first copy of the rows", by_row(twice, slice(0, count)), whole, spread)
    yield Claim("second copy of the rows", by_row(twice, slice(count, None)), whole, spread)


@asks("NaN in one row", "Does a NaN in one row stay out of the others?", several_rows, edge=True)
def nan_row(subject: Subject, problem: Problem) -> Claims:
    """In the input of one row, at its first step; the gradients of parameters are lost, those of other rows are not."""
    row = live(problem)[0]
    x = problem.x.copy()
    x[0, row] = np.nan
    clean, found = subject.everything(problem), subject.everything(replace(problem, x=x))
    kept = by_row(found)
    for name, value in kept.items():
        value[:, row] = clean[name][:, row]  # not judged
    yield Claim(f"with NaN in row {row}", kept, clean, of_two(subject, problem))


@asks("gradient of one row", "Does the cotangent of one row reach inputs and states of that row only?", several_rows)
def gradient_of_one_row(subject: Subject, problem: Problem) -> Claims:
    """dx and dstate of all other rows are zero, to the bit: sums of products with 0."""
    row = live(problem)[-1]
    dy, dstate = np.zeros_like(problem.dy), {name: np.zeros_like(value) for name, value in problem.dstate.items()}
    dy[:, row] = problem.dy[:, row]
    for name, value in dstate.items():
        value[:, row] = problem.dstate[name][:, row]
    found = by_row(subject.vjp(cotangents(problem, dy, dstate)))
    silent = {name: np.zeros_like(value) for name, value in found.items()}
    for name, value in silent.items():
        value[:, row] = found[name][:, row]
    yield Claim(f"cotangents in row {row} only", found, silent, None)


@asks("no rows", "With B = 0, is there an empty answer and no gradient?", edge=True)
def no_rows(subject: Subject, problem: Problem) -> Claims:
    """An empty sum is zero."""
    found = subject.everything(replace(rows(problem, []), lengths=None))
    zero = {name: np.zeros_like(value) for name, value in found.items()}
    yield Claim("B = 0", found, zero, None)
