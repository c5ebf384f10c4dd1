"""Memory layouts of the arguments: legal, or refused with an error, but never a wrong number."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from refseq.checks.problem import Problem
from refseq.checks.properties.claim import Claim, Claims, asks
from refseq.checks.properties.spread import of_two
from refseq.checks.subject import Subject


def _laid_out(problem: Problem, layout: Callable[[np.ndarray], np.ndarray]) -> Problem:
    """All floating arrays in another layout, read-only: that is how they reach the implementation uncopied."""

    def frozen(array: np.ndarray) -> np.ndarray:
        result = layout(array)
        result.flags.writeable = False
        return result

    def each(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: frozen(value) for name, value in arrays.items()}

    return replace(
        problem,
        params=each(problem.params),
        x=frozen(problem.x),
        state=each(problem.state),
        dy=frozen(problem.dy),
        dstate=each(problem.dstate),
    )


def _judged(subject: Subject, problem: Problem, words: str, layout: Callable[[np.ndarray], np.ndarray]) -> Claims:
    # another layout may take another kernel, with the sums in another order
    found, whole = subject.everything(_laid_out(problem, layout)), subject.everything(problem)
    yield Claim(words, found, whole, of_two(subject, problem))


@asks("read-only arrays", "Are read-only arguments as good as others?", edge=True)
def read_only(subject: Subject, problem: Problem) -> Claims:
    """No argument is written to."""
    yield from _judged(subject, problem, "read-only arguments", np.copy)


@asks("Fortran order", "Are arguments in column-major order read as what they are?", edge=True)
def fortran_order(subject: Subject, problem: Problem) -> Claims:
    """First index fastest."""
    yield from _judged(subject, problem, "arguments in Fortran order", _column_major)


def _column_major(array: np.ndarray) -> np.ndarray:
    return np.array(array, order="F")  # asfortranarray would hand back, and freeze, what already is


@asks("strided arrays", "Are arguments with gaps and negative strides read as what they are?", edge=True)
def strided(subject: Subject, problem: Problem) -> Claims:
    """Every second entry of larger arrays, backward along the last axis; what lies between is NaN."""
    yield from _judged(subject, problem, "strided arguments", _with_gaps)


def _with_gaps(array: np.ndarray) -> np.ndarray:
    larger = np.full(tuple(2 * size for size in array.shape), np.nan, array.dtype)
    view = larger[tuple(slice(None, None, 2) for _ in array.shape)][..., ::-1]
    view[...] = array
    return view


@asks("foreign byte order", "Are arguments in the other byte order read as what they are?", edge=True)
def byte_order(subject: Subject, problem: Problem) -> Claims:
    """Big-endian on a little-endian machine, as files have it."""
    swapped = np.dtype(problem.dtype).newbyteorder("S")
    yield from _judged(subject, problem, "arguments in the other byte order", lambda array: array.astype(swapped))
