"""Calls leave nothing behind: the same call gives the same bits, whatever was called in between."""

from dataclasses import replace

import numpy as np

from refseq.checks.problem import Problem
from refseq.checks.properties.claim import Claim, Claims, asks
from refseq.checks.properties.spread import of_two
from refseq.checks.properties.variants import by_row, live, readers_of_x, rows
from refseq.checks.subject import Subject


@asks("determinism", "Do two equal calls of forward give the same bits?")
def determinism(subject: Subject, problem: Problem) -> Claims:
    """Also a use of memory that nobody has written, which seldom holds the same twice."""
    yield Claim("second call", subject.forward(problem), subject.forward(problem), None)


@asks("backward twice", "Do two equal calls of vjp give the same bits, and not twice the gradient?")
def backward_twice(subject: Subject, problem: Problem) -> Claims:
    """Gradients are written, not accumulated over calls."""
    first, second = subject.vjp(problem), subject.vjp(problem)
    yield Claim("second call", second, first, None)


@asks("results are kept", "Do later calls leave earlier results alone?")
def results_are_kept(subject: Subject, problem: Problem) -> Claims:
    """A result must not be a view of a buffer that the next call uses again."""
    subject.everything(problem)
    results = subject.raw
    before = {name: value.copy() for name, value in results.items()}
    subject.everything(replace(problem, x=1 - 2 * problem.x))
    yield Claim("after another call", results, before, None)


@asks("other shapes between", "Does a call with another batch size and length leave no trace in the next one?")
def other_shapes(subject: Subject, problem: Problem) -> Claims:
    """Small between two calls of the same: buffers and plans must not outlive their shape."""
    row, spread = live(problem)[:1], of_two(subject, problem)
    whole = subject.everything(problem)
    small = subject.everything(rows(problem, row))
    again = subject.everything(problem)
    yield Claim("one row after a larger batch", by_row(small), by_row(whole, row), by_row(spread, row))
    yield Claim("the same call after one of another shape", again, whole, None)


@asks("new parameters", "Are parameters that change between calls read again?")
def new_parameters(subject: Subject, problem: Problem) -> Claims:
    """-x with -W_hx is the same as x with W_hx, to anyone who reads the new W_hx."""
    changed = readers_of_x(subject.layer)
    params = {name: -value if name in changed else value for name, value in problem.params.items()}
    whole, found = subject.everything(problem), subject.everything(replace(problem, params=params, x=-problem.x))
    turned = {name: -value if name == "dx" or name[1:] in changed else value for name, value in found.items()}
    yield Claim("the same W_hx x of other W_hx and x", turned, whole, of_two(subject, problem))


def with_the_same_constants(_subject: Subject, problem: Problem) -> bool:
    """The problem is in float32, and float64 has the same constants: a bound of 0.1 is another number in each."""
    return problem.dtype == "float32" and problem.exact == problem.layer


@asks("double precision", "Are float32 results those of float64, rounded?", with_the_same_constants, edge=True)
def double_precision(subject: Subject, problem: Problem) -> Claims:
    """The same numbers in float64; its own errors are far below those of float32."""

    def double(array: np.ndarray) -> np.ndarray:
        return array.astype(np.float64)

    wide = replace(
        problem,
        dtype="float64",
        params={name: double(value) for name, value in problem.params.items()},
        x=double(problem.x),
        state={name: double(value) for name, value in problem.state.items()},
        dy=double(problem.dy),
        dstate={name: double(value) for name, value in problem.dstate.items()},
        masks={name: double(value) for name, value in problem.masks.items()},
    )
    rounded, exact = subject.everything(problem), subject.everything(wide)
    yield Claim("against float64", rounded, exact, of_two(subject, problem))
