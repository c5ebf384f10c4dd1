"""Checks of refseq's own source: they need a layer that runs over other number fields, or a second target.

finite field  VJP = transposed JVP over GF(2^61 - 1), exactly, on the very source of cell, step and scan
agreement     a target of refseq against the reference target
"""

from collections.abc import Collection

import numpy as np

from refseq.arrays import lift
from refseq.checks.budget import sigma
from refseq.checks.check import Answer, Check
from refseq.checks.compare import block_findings, in_sigmas, ulps
from refseq.checks.implementation import OwnImplementation
from refseq.checks.problem import Problem, inputs, with_inputs
from refseq.checks.subject import Subject
from refseq.checks.tensors import gradient_tensors
from refseq.checks.verdict import Finding, Place
from refseq.fields.differential import Dual
from refseq.fields.residue import MODULUS, Residue


def _finite_field(subject: Subject, problem: Problem) -> Answer:
    layer, rng = subject.layer, np.random.default_rng(3)

    def residues(array: np.ndarray) -> np.ndarray:
        return lift(rng.integers(0, MODULUS, array.shape), Residue)

    values = {name: residues(array) for name, array in inputs(problem).items()}
    towards = {name: residues(array) for name, array in values.items()}
    dy, dstate = residues(problem.dy), {name: residues(array) for name, array in problem.dstate.items()}
    over = with_inputs(problem, values)
    masks = {name: residues(array) for name, array in problem.masks.items()}
    run = layer.forward(over.params, over.x, over.state, problem.lengths, "reference", masks=masks)
    grads = layer.backward(run, dy, dstate)
    pulled = gradient_tensors(grads.params, grads.x, grads.state)

    def transposed(names: Collection[str]) -> bool:
        """<cotangents, J v> = <J^T cotangents, v> for a direction v through these inputs."""
        lifted = {key: _duals(array, towards[key] if key in names else None) for key, array in values.items()}
        moved = with_inputs(problem, lifted)
        still = {name: _duals(array, None) for name, array in masks.items()}
        out = layer.forward(moved.params, moved.x, moved.state, problem.lengths, "reference", masks=still)
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


def is_own(subject: Subject, _problem: Problem) -> bool:
    """The implementation is refseq's."""
    return isinstance(subject.implementation, OwnImplementation)


def _double(subject: Subject, problem: Problem) -> bool:
    return is_own(subject, problem) and problem.dtype == "float64"  # the field is the same for every precision


def _other_target(subject: Subject, _problem: Problem) -> bool:
    return isinstance(subject.implementation, OwnImplementation) and subject.implementation.target != "reference"


FINITE_FIELD = Check("finite field", "Is VJP the transposed JVP, exactly, over GF(2^61 - 1)?", _finite_field, _double)
AGREEMENT = Check("agreement", "Does the target agree with the reference target?", _agreement, _other_target, True)
