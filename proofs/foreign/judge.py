"""What is asked of a user's implementation: two identities over GF(2^61 - 1), on a handful of problems."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import refseq
from proofs.foreign import symbols
from proofs.foreign.array import Numbers
from proofs.foreign.number import CannotRead, Number
from proofs.foreign.reading import running
from proofs.theorem import Answer, Proved, Refuted
from refseq.arrays import lift
from refseq.checks.finite_field import not_transposed
from refseq.checks.function import Arrays, Function, Named, Point
from refseq.checks.implementation import Implementation, NotOffered
from refseq.checks.problem import Problem, draw
from refseq.checks.subject import Misbehaviour, Subject
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.fields.differential import Dual
from refseq.fields.residue import MODULUS, Residue
from refseq.layer import Layer

SHAPES: dict[str, dict[str, Any]] = {
    "one layer": {},
    "both directions": {"bidirectional": True},
    "two layers, both directions": {"layers": 2, "bidirectional": True},
}
"""Shapes of a layer that are put to a function that makes implementations."""

OWN_SCOPE = "T = 4, 2 rows; T = 5, rows of 5, 0, 2 and 4 steps"
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
        """Rows of one length, without lengths, and rows of unequal lengths, 0 and T among them."""
        return [draw(self.layer, "float64", 4, 2, padded=False), draw(self.layer, "float64", 5, 4)]


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


Question = Callable[[Case, Problem], Answer]


def gradient(case: Case, problem: Problem) -> Answer:
    """VJP is the transposed derivative of the forward beside it."""
    return _transposed(case, problem, 0)


def planted_gradient(case: Case, problem: Problem) -> Answer:
    """With 1 added to an entry of the first gradient."""
    return _transposed(case, problem, 1)


def _transposed(case: Case, problem: Problem, error: int) -> Answer:
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


def forward(case: Case, problem: Problem) -> Answer:
    """The user's outputs and final states are refseq's."""
    return _same(case, problem, 0)


def planted_forward(case: Case, problem: Problem) -> Answer:
    """With 1 added to an entry of refseq's outputs."""
    return _same(case, problem, 1)


def _same(case: Case, problem: Problem, error: int) -> Answer:
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
    given = ({name: lift(array, _number) for name, array in arrays.items()} for arrays in (values, constants))
    ours, _ = problem.function.forward(*given, "reference")
    return {name: lift(array, _residue) for name, array in ours.items()}, yours


def _seeds() -> Iterator[int]:
    """One draw, and more if a sign was asked for in it."""
    yield 3
    if symbols.signs:
        yield from range(4, 3 + REPEATS)


def _counted(arrays: Named, what: str) -> str:
    size = sum(value.size for value in arrays.values())
    return f"{size} {what}" + (f" in {REPEATS} draws of signs" if symbols.signs else "")


def readable(implementation: Implementation, problem: Problem) -> Function:
    """forward and vjp over ``Residue`` and ``Dual``, as ``refseq.checks`` asks; the user's code sees ``Numbers``."""

    def named(arrays: Named, names: Sequence[str], label: str = "{}") -> dict[str, Numbers]:
        return {name: arrays[label.format(name)].copy().view(Numbers) for name in names}

    def given(values: Named, masks: Named) -> tuple[tuple, dict[str, Any]]:
        values, masks = ({n: lift(v, _number) for n, v in arrays.items()} for arrays in (values, masks))
        lengths = None if problem.lengths is None else problem.lengths.copy()
        x = values["x"].view(Numbers)
        arguments = (named(values, list(problem.params)), x, named(values, list(problem.state), "state[{}]"), lengths)
        return arguments, {"masks": named(masks, list(masks))} if masks else {}

    def run(values: Named, masks: Named, _target: str) -> tuple[Arrays, Any]:
        arguments, options = given(values, masks)
        with running():
            y, state = implementation.forward(*arguments, **options)
        back = _dual if isinstance(values["x"].flat[0], Dual) else _residue
        return _answered(forward_tensors(y, state), problem.cotangents, back), (values, masks)

    def backward(record: tuple[Named, Named], cotangents: Named) -> Arrays:
        arguments, options = given(*record)
        cotangents = {name: lift(value, _number) for name, value in cotangents.items()}
        dstate = named(cotangents, list(problem.state), "state[{}]")
        with running():
            grads = implementation.vjp(*arguments, cotangents["y"].view(Numbers), dstate, **options)
        return _answered(gradient_tensors(*grads), {f"d{k}": v for k, v in problem.values.items()}, _residue)

    return Function(run, backward)


def _answered(tensors: Arrays, like: Named, back: Callable[[Any], Any]) -> Arrays:
    found = {}
    for name, value in tensors.items():
        array = np.asarray(value)
        if array.shape != like[name].shape:
            raise CannotRead(f"over exact numbers {name} has the shape {array.shape}, expected {like[name].shape}")
        if any(entry is None for entry in array.flat):
            raise CannotRead(f"an entry of {name} comes from np.empty and was never written")
        found[name] = lift(array, back)
    return found


def _number(entry: Any) -> Number:
    if isinstance(entry, Dual):
        return Number(entry.value.value, entry.tangent.value)
    return Number(entry.value)


def _residue(entry: Any) -> Residue:
    return Residue((Number(0) + entry).value)


def _dual(entry: Any) -> Dual:
    entry = Number(0) + entry
    return Dual(Residue(entry.value), Residue(entry.tangent))
