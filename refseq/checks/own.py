"""Checks of refseq's own source: they need a layer that runs over other number fields, or a second target.

finite field  VJP = transposed JVP over GF(2^61 - 1), exactly, on the very source of cell, step and scan
agreement     a target of refseq against the reference target
"""

import numpy as np

from refseq.checks.budget import sigma
from refseq.checks.check import Answer, Check
from refseq.checks.compare import block_findings, in_sigmas, ulps
from refseq.checks.finite_field import not_transposed
from refseq.checks.implementation import OwnImplementation
from refseq.checks.problem import Problem
from refseq.checks.subject import Subject
from refseq.checks.verdict import Finding, Place


def _finite_field(_subject: Subject, problem: Problem) -> Answer:
    message = "BPTT is not the transpose of the forward derivative modulo 2^61 - 1"
    names = not_transposed(problem)
    return Answer(tuple(Finding("finite field", problem.label, Place(f"d{name}"), message) for name in names))


def _agreement(subject: Subject, problem: Problem) -> Answer:
    function = problem.function
    ours, theirs = (
        function.everything(problem.values, problem.constants, problem.cotangents),
        subject.everything(problem),
    )
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
