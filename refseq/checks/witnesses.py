"""Witnesses that do not use the oracle: the gradient against other derivatives of the same forward pass.

differences   central differences of the implementation's own forward, extrapolated (Ridders), with an error estimate
complex step  Im f(x + ih v)/h through refseq's compiled loop: a derivative without cancellation
finite field  VJP = transposed JVP over GF(2^61 - 1), exactly, on the very source of cell, step and scan
agreement     a target of refseq against the reference target
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import numpy as np

from refseq.arrays import lift
from refseq.checks.budget import THRESHOLD, sigma
from refseq.checks.check import Answer, Check, Undecided
from refseq.checks.compare import block_findings, in_sigmas, ulps
from refseq.checks.implementation import OwnImplementation
from refseq.checks.problem import Problem
from refseq.checks.ridders import derivative
from refseq.checks.subject import Subject
from refseq.checks.tensors import gradient_tensors
from refseq.checks.verdict import Finding, Place
from refseq.fields.differential import Dual
from refseq.fields.residue import MODULUS, Residue

Arrays = dict[str, np.ndarray]


def inputs(problem: Problem) -> dict[str, np.ndarray]:
    """Everything the loss depends on, by the name of its gradient."""
    return gradient_tensors(problem.params, problem.x, problem.state)


def with_inputs(problem: Problem, tensors: Mapping[str, np.ndarray]) -> Problem:
    """The problem with these inputs in place of its own; the inverse of ``inputs``."""
    return replace(
        problem,
        params={name: tensors["d" + name] for name in problem.params},
        x=tensors["dx"],
        state={name: tensors[f"dstate[{name}]"] for name in problem.state},
    )


def _directions(problem: Problem) -> Iterator[tuple[str, np.ndarray]]:
    """For every input a random direction, of length 1 and zero in the padding."""
    rng = np.random.default_rng(2)
    padding = np.arange(problem.x.shape[0])[:, None] >= problem.counts
    for name, value in inputs(problem).items():
        direction = rng.normal(size=value.shape)
        if name == "dx":
            direction[padding] = 0.0
        length = np.linalg.norm(direction)
        if length:
            yield name, direction / length


def _loss(problem: Problem, tensors: Mapping[str, np.ndarray]) -> complex:
    total = np.sum(problem.dy * tensors["y"])
    return total + sum(np.sum(problem.dstate[name] * tensors[f"state[{name}]"]) for name in problem.state)


def _loss_sigma(problem: Problem) -> float:
    spread = sigma(problem)
    parts = [np.sum((problem.dy * spread["y"]) ** 2)]
    parts += [np.sum((problem.dstate[name] * spread[f"state[{name}]"]) ** 2) for name in problem.state]
    return float(np.sqrt(sum(parts)))


def _differences(subject: Subject, problem: Problem) -> Answer:
    grads, base, findings, doubts = subject.vjp(problem), inputs(problem), [], []
    for name, direction in _directions(problem):

        def along(h: float, name: str = name, direction: np.ndarray = direction) -> float:
            moved = with_inputs(problem, base | {name: base[name] + h * direction})
            return float(np.real(_loss(problem, subject.forward(moved))))

        numeric, estimate = derivative(along, _loss_sigma(problem))
        analytic = float(np.sum(grads[name] * direction))
        size = abs(numeric - analytic) / estimate if estimate else float(numeric != analytic) * np.inf
        if not size <= THRESHOLD:
            message = f"along a random direction: central differences {numeric:.12g} +- {estimate:.1g}, vjp"
            message += f" {analytic:.12g}"
            findings.append(Finding("differences", problem.label, Place(name), message, None, None, numeric, analytic))
        elif estimate > 1e-3 * float(np.linalg.norm(grads[name])):
            doubts.append(name)
    if doubts and not findings:
        raise Undecided(f"the error estimate of the differences is too large for {', '.join(doubts)}")
    return Answer(tuple(findings))


def _complex_step(subject: Subject, problem: Problem) -> Answer:
    grads, base, findings, step = subject.vjp(problem), inputs(problem), [], 1e-100
    own = Subject(OwnImplementation(subject.layer, "reference"), subject.layer)
    for name, direction in _directions(problem):
        moved = {key: value.astype(complex) for key, value in base.items()}
        moved[name] = moved[name] + 1j * step * direction
        exact = _loss(problem, own.forward(replace(with_inputs(problem, moved), dtype="complex128"))).imag / step
        analytic = float(np.sum(grads[name] * direction))
        # both sides are sums of rounded terms: the gradient's own budget, and as much again for the other derivative
        spread = 2 * float(np.sqrt(np.sum((sigma(problem)[name] * direction) ** 2)))
        spread += np.finfo(np.float64).eps * float(np.sum(np.abs(grads[name] * direction)))
        if not abs(exact - analytic) <= THRESHOLD * spread:
            message = f"along a random direction: complex step {exact:.17g}, vjp {analytic:.17g}"
            findings.append(Finding("complex step", problem.label, Place(name), message, None, None, exact, analytic))
    return Answer(tuple(findings))


def _finite_field(subject: Subject, problem: Problem) -> Answer:
    layer, rng = subject.layer, np.random.default_rng(3)

    def residues(array: np.ndarray) -> np.ndarray:
        return lift(rng.integers(0, MODULUS, array.shape), Residue)

    values = {name: residues(array) for name, array in inputs(problem).items()}
    towards = {name: residues(array) for name, array in values.items()}
    dy, dstate = residues(problem.dy), {name: residues(array) for name, array in problem.dstate.items()}
    over = with_inputs(problem, values)
    run = layer.forward(over.params, over.x, over.state, problem.lengths, target="reference")
    grads = layer.backward(run, dy, dstate)
    pulled = gradient_tensors(grads.params, grads.x, grads.state)

    def transposed(names: Collection[str]) -> bool:
        """<cotangents, J v> = <J^T cotangents, v> for a direction v through these inputs."""
        lifted = {key: _duals(array, towards[key] if key in names else None) for key, array in values.items()}
        moved = with_inputs(problem, lifted)
        out = layer.forward(moved.params, moved.x, moved.state, problem.lengths, target="reference")
        pushed = _tangents(out.y, dy) + sum(_tangents(out.state[key], dstate[key]) for key in dstate)
        return pushed == sum((n for name in names for n in (pulled[name] * towards[name]).flat), Residue(0))

    if not transposed(values):  # one direction through everything at once; input by input only to name the culprit
        message = "BPTT is not the transpose of the forward derivative modulo 2^61 - 1"
        findings = [Finding("finite field", problem.label, Place(n), message) for n in values if not transposed([n])]
        return Answer(tuple(findings or [Finding("finite field", problem.label, Place("all inputs"), message)]))
    return Answer()


def _duals(array: np.ndarray, tangents: np.ndarray | None) -> np.ndarray:
    result = np.empty(array.shape, object)
    for index in np.ndindex(array.shape):
        result[index] = Dual(array[index], Residue(0) if tangents is None else tangents[index])
    return result


def _tangents(numbers: np.ndarray, weights: np.ndarray) -> Residue:
    pairs = zip(numbers.flat, weights.flat, strict=True)
    return sum((number.tangent * weight for number, weight in pairs), Residue(0))


def _agreement(subject: Subject, problem: Problem) -> Answer:
    reference = Subject(OwnImplementation(subject.layer, "reference"), subject.layer)
    ours, theirs, findings = reference.everything(problem), subject.everything(problem), []
    for name, value in theirs.items():
        error = np.abs(value.astype(np.float64) - ours[name])
        # the same operations in the same order on a CPU; a GPU fuses multiplications and additions
        spread = np.zeros(error.shape) if _same_operations(subject) else np.sqrt(2) * sigma(problem)[name]
        size, units = in_sigmas(error, spread), ulps(error, ours[name], problem.dtype)
        findings += block_findings("agreement", problem, name, value, ours[name], size, units)
    return Answer(tuple(findings))


def _same_operations(subject: Subject) -> bool:
    return isinstance(subject.implementation, OwnImplementation) and subject.implementation.target == "cpu"


def _double(_subject: Subject, problem: Problem) -> bool:
    return problem.dtype == "float64"


def _own(subject: Subject, _problem: Problem) -> bool:
    return isinstance(subject.implementation, OwnImplementation)


def _own_double(subject: Subject, problem: Problem) -> bool:
    return _own(subject, problem) and _double(subject, problem)


def _own_other(subject: Subject, _problem: Problem) -> bool:
    return isinstance(subject.implementation, OwnImplementation) and subject.implementation.target != "reference"


DIFFERENCES = Check(
    "differences", "Does vjp agree with extrapolated central differences of forward?", _differences, _double
)
COMPLEX_STEP = Check(
    "complex step", "Does vjp agree with a complex step through the compiled loop?", _complex_step, _own_double
)
FINITE_FIELD = Check(
    "finite field", "Is VJP the transposed JVP, exactly, over GF(2^61 - 1)?", _finite_field, _own_double
)
AGREEMENT = Check("agreement", "Does the target agree with the reference target?", _agreement, _own_other, True)
