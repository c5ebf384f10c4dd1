"""The first line: values and gradients against rigorous enclosures, within the error budget."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from refseq.checks.budget import THRESHOLD, sigma
from refseq.checks.check import Answer, Check, Undecided
from refseq.checks.compare import against_exact
from refseq.checks.control import sensitivity
from refseq.checks.exact import enclose
from refseq.checks.problem import Problem
from refseq.checks.subject import Subject

BLIND = 0.01
"""A tensor whose budget exceeds this share of its largest entry is too ill-conditioned to judge."""


ABSOLUTE = "every one of them is explained by a tanh or sigmoid accurate to rounding of its range, not of its value"


def _judge(check: str, subject: Subject, problem: Problem, tensors: Mapping[str, np.ndarray]) -> Answer:
    absolute = subject.activations == "absolute"
    findings, worst = against_exact(check, problem, tensors, absolute)
    if findings:
        if not absolute and not against_exact(check, problem, tensors, absolute=True)[0]:
            findings = [replace(finding, diagnosis=ABSOLUTE) for finding in findings]
        return Answer(tuple(findings), tuple(worst))
    for name, values in tensors.items():
        largest = float(np.max(np.abs(enclose(problem)[name].high), initial=0.0))
        budget = THRESHOLD * float(np.max(sigma(problem, absolute)[name], initial=0.0))
        if values.size and largest and budget > BLIND * largest:
            raise Undecided(
                f"{name} is too ill-conditioned in {problem.dtype} on {problem.label}: rounding noise of "
                f"{budget / largest:.1%} of its largest entry"
            )
    return Answer((), tuple(worst), sensitivity(check, problem, tensors, absolute))


def _values(subject: Subject, problem: Problem) -> Answer:
    return _judge("values", subject, problem, subject.forward(problem))


def _gradients(subject: Subject, problem: Problem) -> Answer:
    return _judge("gradients", subject, problem, subject.vjp(problem))


VALUES = Check(
    "values", "Are outputs and final states within 16 sigma of their rigorous enclosures?", _values, everywhere=True
)
GRADIENTS = Check(
    "gradients", "Are all gradients within 16 sigma of their rigorous enclosures?", _gradients, everywhere=True
)
