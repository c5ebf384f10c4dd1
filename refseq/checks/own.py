"""Checks of refseq's own source: they need a layer that runs over other number fields, or a second target.

finite field  VJP = transposed JVP over GF(2^61 - 1), exactly, on the very source of cell, step and scan
agreement     a target of refseq against the reference target, which runs as the target does: compiled, or in Python
              where the target is a simulator (compiling the one would take longer than running the other)
"""

import numpy as np

from refseq.arrays import lift
from refseq.checks.budget import sigma
from refseq.checks.check import Answer, Check
from refseq.checks.compare import block_findings, in_sigmas, ulps
from refseq.checks.finite_field import not_transposed
from refseq.checks.function import Arrays, Named
from refseq.checks.implementation import OwnImplementation
from refseq.checks.problem import Problem
from refseq.checks.subject import Subject
from refseq.checks.verdict import Finding, Place
from refseq.targets import runs_in_python


def _finite_field(_subject: Subject, problem: Problem) -> Answer:
    message = "BPTT is not the transpose of the forward derivative modulo 2^61 - 1"
    names = not_transposed(problem)
    return Answer(tuple(Finding("finite field", problem.label, Place(f"d{name}"), message) for name in names))


def reference(problem: Problem, interpreted: bool) -> Arrays:
    """Results and gradients of the reference target in the problem's precision; ``interpreted``: by plain Python, on
    numpy's scalars, with the same roundings but for the last bits of tanh and exp."""
    function, values, constants, cotangents = problem.function, problem.values, problem.constants, problem.cotangents
    if not interpreted:
        return function.everything(values, constants, cotangents)
    number = np.dtype(problem.dtype).type

    def scalars(arrays: Named) -> Arrays:
        return {name: lift(array, number) for name, array in arrays.items()}

    found = function.everything(scalars(values), scalars(constants), scalars(cotangents))
    return {name: value.astype(problem.dtype) for name, value in found.items()}


def _agreement(subject: Subject, problem: Problem) -> Answer:
    own = subject.implementation
    assert isinstance(own, OwnImplementation)  # ``_other_target``
    ours, theirs = reference(problem, runs_in_python(own.target)), subject.everything(problem)
    findings = []
    for name, value in theirs.items():
        error = np.abs(value.astype(np.float64) - ours[name])
        spread = np.sqrt(2) * sigma(problem)[name]  # vector units and GPUs fuse multiplications and additions
        size, units = in_sigmas(error, spread), ulps(error, ours[name], problem.dtype)
        findings += block_findings("agreement", problem, name, value, ours[name], size, units)
    return Answer(tuple(findings))


def is_own(subject: Subject, _problem: Problem) -> bool:
    """The implementation is refseq's."""
    return isinstance(subject.implementation, OwnImplementation)


def _double(subject: Subject, problem: Problem) -> bool:
    return is_own(subject, problem) and problem.dtype == "float64"  # the field is the same for every precision


def _other_target(subject: Subject, _problem: Problem) -> bool:
    return isinstance(subject.implementation, OwnImplementation) and subject.implementation.target != "reference"


FINITE_FIELD = Check("finite field", "Is VJP the transposed JVP, exactly, over GF(2^61 - 1)?", _finite_field, _double)
AGREEMENT = Check("agreement", "Does the target agree with the reference target?", _agreement, _other_target, True)
