"""What is asked of a user's implementation: two identities over GF(2^61 - 1), on a handful of problems."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import refseq
from proofs.foreign import symbols
from proofs.foreign.function import from_number, readable, to_number
from proofs.theorem import Proved, Refuted
from refseq.arrays import lift
from refseq.checks.finite_field import not_transposed
from refseq.checks.function import Arrays, Named, Point
from refseq.checks.implementation import Implementation, NotOffered
from refseq.checks.problem import Problem, draw
from refseq.checks.subject import Subject
from refseq.fields.residue import MODULUS, Residue
from refseq.layer import Layer

SHAPES: dict[str, dict[str, Any]] = {
    "one layer": {},
    "both directions": {"bidirectional": True},
    "two layers, both directions": {"layers": 2, "bidirectional": True},
}
"""Shapes of a layer that are put to a function that makes implementations."""

OWN_SCOPE = "T = 11, 2 rows; T = 5, rows of 5, 0, 2 and 4 steps"
SCOPE = f"{OWN_SCOPE}; I = 2, H = 3"

REPEATS = 8
"""Draws of a source that compares numbers with 0: each takes other branches."""


@dataclass(frozen=True)
class Case:
    """An implementation of a layer, in a shape."""

    shape: str
    implementation: Implementation
    layer: Layer

    def problems(self) -> list[Problem]:
        """Long rows of one length, without lengths, and rows of unequal lengths, 0 and T among them."""
        return [draw(self.layer, "float64", 11, 2, padded=False), draw(self.layer, "float64", 5, 4)]


def cases(found: Any, cell: tuple[str, Mapping[str, Any]] | None, absent: dict[str, str]) -> Iterator[Case]:
    """The implementation with its own layer, or the function's in every shape; what it does not offer goes to
    ``absent``."""
    if cell is None:
        yield Case("its own layer", found, found.layer)
        return
    name, options = cell
    for shape, arrangement in SHAPES.items():
        layer = refseq.layer(name, 2, 3, **arrangement, **options)
        try:
            yield Case(shape, found(layer), layer)
        except NotOffered as error:
            absent[shape] = str(error)


Question = Callable[[Case, Problem], Proved | Refuted]


def gradient(case: Case, problem: Problem) -> Proved | Refuted:
    """VJP is the transposed derivative of the forward beside it."""
    return _transposed(case, problem, 0)


def planted_gradient(case: Case, problem: Problem) -> Proved | Refuted:
    """With 1 added to an entry of the first gradient."""
    return _transposed(case, problem, 1)


def _transposed(case: Case, problem: Problem, error: int) -> Proved | Refuted:
    subject = Subject(case.implementation, case.layer)
    subject.forward(problem)
    subject.vjp(problem)
    read = readable(case.implementation, problem)

    def backward(record: Any, cotangents: Named) -> Arrays:
        found = read.backward(record, cotangents)
        first = next(iter(found.values()))
        first.flat[0] = first.flat[0] + error
        return found

    function = replace(read, backward=backward)
    values, cotangents, constants = problem.values, problem.cotangents, problem.constants
    posed = Point(case.layer, problem.dtype, problem.label, function, values, cotangents, constants)
    for seed in _seeds():
        wrong = not_transposed(posed, seed)
        if wrong:
            words = f"{case.shape}, {problem.label}: wrong with respect to {', '.join(wrong)}"
            return Refuted("vjp is the transposed derivative of its own forward", words)
    return Proved(_counted(values, "derivatives"))


def forward(case: Case, problem: Problem) -> Proved | Refuted:
    """The user's outputs and final states are refseq's."""
    return _same(case, problem, 0)


def planted_forward(case: Case, problem: Problem) -> Proved | Refuted:
    """With 1 added to an entry of refseq's outputs."""
    return _same(case, problem, 1)


def _same(case: Case, problem: Problem, error: int) -> Proved | Refuted:
    Subject(case.implementation, case.layer).forward(problem)
    for seed in _seeds():
        ours, yours = _both(case, problem, seed)
        ours["y"].flat[0] = ours["y"].flat[0] + error
        for name, array in ours.items():
            wrong = np.argwhere(array != yours[name])
            if len(wrong):
                first = tuple(map(int, wrong[0]))
                words = f"{name} differs in {len(wrong)} of {array.size} entries, first at {first}"
                claim = f"other forward: its forward is not refseq's {case.layer.cell.label}"
                return Refuted(claim, f"{case.shape}, {problem.label}: {words}")
    return Proved(_counted(problem.cotangents, "values"))


def _both(case: Case, problem: Problem, seed: int) -> tuple[Arrays, Arrays]:
    """refseq's results and the user's, at random values."""
    rng = np.random.default_rng(seed)
    values, constants = (
        {name: lift(rng.integers(0, MODULUS, array.shape), Residue) for name, array in arrays.items()}
        for arrays in (problem.values, problem.constants)
    )
    yours, _ = readable(case.implementation, problem).forward(values, constants, "reference")
    given, masks = ({name: lift(array, to_number) for name, array in arrays.items()} for arrays in (values, constants))
    ours, _ = problem.function.forward(given, masks, "reference")
    return {name: lift(array, from_number) for name, array in ours.items()}, yours


def _seeds() -> Iterator[int]:
    """One draw, and more if a sign was asked for in it."""
    yield 3
    if symbols.signs:
        yield from range(4, 3 + REPEATS)


def _counted(arrays: Named, what: str) -> str:
    size = sum(value.size for value in arrays.values())
    return f"{size} {what}" + (f" in {REPEATS} draws of signs" if symbols.signs else "")
